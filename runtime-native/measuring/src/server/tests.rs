use super::*;

#[test]
fn the_ready_line_is_found_in_both_shapes_of_the_log() {
    let nested = r#"{"level":"INFO","fields":{"message":"listening","address":"127.0.0.1:81"}}"#;
    let flat = r#"{"level":"INFO","message":"listening","address":"http://127.0.0.1:81"}"#;
    for line in [nested, flat] {
        assert_eq!(listening_line(line).as_deref(), Some("http://127.0.0.1:81"));
    }
    assert_eq!(listening_line(r#"{"message":"request"}"#), None);
    assert_eq!(listening_line("plain text"), None);
}

fn launch(program: Program) -> Launch {
    Launch { program, database: DatabaseChoice::Sqlite, variables: Vec::new(), data_dir: None }
}

async fn refusal(program: Program) -> String {
    match Server::start(launch(program)).await {
        Ok(_) => panic!("it started"),
        Err(error) => format!("{error:#}"),
    }
}

#[tokio::test]
async fn a_worker_that_was_not_built_is_told_how_to_build_it() {
    let checkout = tempfile::tempdir().unwrap();
    let told = refusal(Program::Worker(checkout.path().to_owned())).await;
    assert!(told.contains("is no checkout"), "{told}");
    std::fs::create_dir(checkout.path().join("runtime-worker")).unwrap();
    std::fs::write(checkout.path().join("runtime-worker/serve.mjs"), "").unwrap();
    let told = refusal(Program::Worker(checkout.path().to_owned())).await;
    assert!(told.contains("run runtime-worker/build.sh"), "{told}");
}

#[tokio::test]
async fn a_program_that_is_missing_or_ends_is_told_with_its_log() {
    let told = refusal(Program::Native("/nowhere/portico".into())).await;
    assert!(told.contains("starting portico"), "{told}");
    let told = refusal(Program::Native("/bin/false".into())).await;
    assert!(told.contains("ended before it was ready"), "{told}");
}

#[tokio::test]
async fn a_command_that_fails_is_told_in_its_own_words() {
    let told = run(Path::new("/bin/ls"), &["/nowhere"], &[], None, "").await.unwrap_err();
    assert!(format!("{told:#}").contains("/nowhere"), "{told:#}");
    assert_eq!(run(Path::new("/bin/cat"), &["-"], &[], None, "hello").await.unwrap(), "hello");
}

#[tokio::test]
async fn a_terminal_that_closes_ends_the_measurement() {
    // The signal comes once it is listened to; before that it would end this very program.
    let work = async {
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::HUP)?;
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok(())
    };
    // Tests may have been started by `nohup` themselves.
    if !ignores_hang_up(&std::fs::read_to_string("/proc/self/status").unwrap_or_default()) {
        assert_eq!(until_interrupted(work).await.unwrap_err().to_string(), "the terminal was closed");
    }
}

#[test]
fn what_nohup_did_is_known() {
    assert!(ignores_hang_up("Name:\tportico\nSigIgn:\t0000000000001001\n"));
    assert!(!ignores_hang_up("Name:\tportico\nSigIgn:\t0000000000001000\n") && !ignores_hang_up(""));
}
