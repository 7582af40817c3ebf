use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<Settings, Vec<Fault>> {
    let mut variables = Variables::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
    let settings = Settings::take(&mut variables, Target::Native, "http://127.0.0.1:8080");
    variables.finish().map(|()| settings)
}

#[test]
fn nothing_set_is_a_working_default() {
    let settings = read(&[]).unwrap();
    assert_eq!(settings.public_url, "http://127.0.0.1:8080");
    assert_eq!(settings.bcrypt_cost, 12);
    assert_eq!(settings.limits.login.unwrap().limit, 10);
    assert_eq!(settings.access_lifetime, Duration::from_secs(900));
    assert!(settings.signup_open && settings.switches.is_on(Switch::ParallelLogin));
    assert!(settings.github.is_none());
}

#[test]
fn all_faults_are_told_at_once_with_their_names() {
    let faults = read(&[
        ("PORTICO_BCRYPT_COST", "9"),
        ("PORTICO_SIGNUP", "maybe"),
        ("PORTICO_LIMIT_LOGIN", "often"),
        ("PORTICO_FLOW_PREWARM", "sometimes"),
        ("PORTICO_BCRPYT_COST", "12"),
        ("PORTICO_GITHUB_CLIENT_ID", "id"),
        ("PORTICO_PUBLIC_URL", "https://example.com/path"),
        ("PATH", "/bin"),
    ])
    .unwrap_err();
    let names: Vec<_> = faults.iter().map(|fault| fault.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "PORTICO_BCRPYT_COST",
            "PORTICO_BCRYPT_COST",
            "PORTICO_FLOW_PREWARM",
            "PORTICO_GITHUB_CLIENT_SECRET",
            "PORTICO_LIMIT_LOGIN",
            "PORTICO_PUBLIC_URL",
            "PORTICO_SIGNUP",
        ]
    );
}

#[test]
fn an_isolate_gives_the_cache_less_memory_than_a_server() {
    let read = |target, text: Option<&str>| {
        let given = text.map(|text| ("PORTICO_CACHE_MEMORY".to_owned(), text.to_owned()));
        let mut variables = Variables::new(given);
        let settings = Settings::take(&mut variables, target, "http://127.0.0.1:8080");
        variables.finish().map(|()| settings.cache_memory).map_err(|faults| faults[0].message.clone())
    };
    assert_eq!(read(Target::Native, None), Ok(64 << 20));
    assert_eq!(read(Target::Worker, None), Ok(16 << 20));
    assert_eq!(read(Target::Native, Some("256MiB")), Ok(256 << 20));
    assert_eq!(read(Target::Worker, Some("1048576")), Ok(1 << 20));
    for (target, text) in [(Target::Native, "1KiB"), (Target::Native, "much"), (Target::Worker, "256MiB")] {
        assert!(read(target, Some(text)).unwrap_err().starts_with("must be a size from 1MiB to"), "{text}");
    }
}

#[test]
fn an_isolate_warms_few_keys() {
    let read = |target, text: &str| {
        let mut variables = Variables::new([("PORTICO_WARM_KEYS".to_owned(), text.to_owned())]);
        let settings = Settings::take(&mut variables, target, "http://127.0.0.1:8080");
        variables.finish().map(|()| settings.warm_keys).map_err(|faults| faults[0].to_string())
    };
    assert_eq!(read(Target::Native, ""), Ok(1_000));
    assert_eq!(read(Target::Worker, ""), Ok(100));
    assert_eq!(read(Target::Native, "10000"), Ok(10_000));
    assert_eq!(read(Target::Worker, "0"), Ok(0));
    let refused = |most| Err(format!("PORTICO_WARM_KEYS must be a whole number from 0 to {most}"));
    assert_eq!(read(Target::Worker, "101"), refused(100));
    assert_eq!(read(Target::Native, "-1"), refused(10_000));
}

#[test]
fn browsers_insist_on_https_for_this_machine_only_where_that_is_asked_for() {
    let of = |url: &str, more: &[(&str, &str)]| {
        read(&[&[("PORTICO_PUBLIC_URL", url)], more].concat()).unwrap().strict_transport()
    };
    let year = Some(Duration::from_secs(365 * 86_400));
    for url in [
        "https://api.example.com",
        "https://localhost.example:8443",
        "https://192.0.2.1",
        "https://[2001:db8::1]:8443",
    ] {
        assert_eq!(of(url, &[]), year, "{url}");
    }
    assert_eq!(of("http://api.example.com", &[]), None);
    for host in
        ["localhost", "LocalHost.", "app.localhost", "127.0.0.1", "127.8.0.1", "[::1]", "[::ffff:127.0.0.1]"]
    {
        for url in [format!("https://{host}"), format!("https://{host}:8443")] {
            assert_eq!(of(&url, &[]), None, "{url}");
            assert_eq!(of(&url, &[("PORTICO_HSTS", "365d")]), year, "{url}");
        }
    }
}

#[test]
fn limits_can_be_set_and_turned_off() {
    let settings = read(&[("PORTICO_LIMIT_LOGIN", "3/10s"), ("PORTICO_LIMIT_REGISTER", "off")]).unwrap();
    assert_eq!(settings.limits.login.unwrap().to_string(), "3/10s");
    assert!(settings.limits.register.is_none());
}
