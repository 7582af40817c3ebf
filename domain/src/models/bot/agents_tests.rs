use super::*;

fn sort(agent: &str) -> BotVerdict {
    sort_agent(agent.as_bytes()).verdict
}

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

#[test]
fn browsers_are_persons_also_on_phones_with_odd_names() {
    for agent in [
        CHROME,
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
        "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
        "Mozilla/5.0 (Linux; Android 4.3; Panasonic ELUGA A Build/JWR66V) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/53.0.2785.57 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 5.1; FEVER Build/LMY47D) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/49.0.2623.105 Mobile Safari/537.36",
        "Mozilla/5.0 (Linux; Android 14; CUBOT P80) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.10; rv:52.0) Gecko/20100101 Thunderbird/52.5.2 Lightning/5.4.5.2",
        "Mozilla/5.0 (Linux; U; Android 15; PJZ110 Build/AP3A.240617.008) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/123.0.6312.80 UCBrowser/18.1.2",
        "Opera/9.80 (MAUI Runtime; Opera Mini/4.4.39008/37.8625; U; en) Presto/2.12.423 Version/12.16",
    ] {
        assert_eq!(sort(agent), BotVerdict::Person, "{agent}");
    }
}

#[test]
fn bots_that_name_themselves_are_declared() {
    for agent in [
        "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        "Mozilla/5.0 (compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "Mozilla/5.0 (compatible; archive.org_bot +http://archive.org/details/archive.org_bot)",
        "Sogou web spider/4.0(+http://www.sogou.com/docs/help/webmasters.htm#07)",
        "Feedfetcher-Google; (+http://www.google.com/feedfetcher.html; feed-id=1)",
        "my-own-bot python-requests/2.32",
        "nobody-knows-this-crawler/1.0",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/96.0 Safari/537.36 PTST/211202",
    ] {
        assert_eq!(
            sort_agent(agent.as_bytes()),
            SortedAgent { verdict: BotVerdict::DeclaredBot, claims: None },
            "{agent}"
        );
    }
}

#[test]
fn scripts_libraries_and_the_nameless_are_tools() {
    for agent in [
        "",
        " ",
        "curl/8.14.1",
        "Wget/1.25",
        "python-requests/2.32.3",
        "Go-http-client/2.0",
        "okhttp/5.0.0",
        "HTTPie/3.2.4",
        "Apache-HttpClient/5.4 (Java/21)",
        "portico-conformance/1",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36",
        "MyShop/4.1 CFNetwork/1568 Darwin/24.1",
        "ümläut/1",
    ] {
        assert_eq!(sort(agent), BotVerdict::Tool, "{agent}");
    }
    assert_eq!(sort_agent(&[0xFF, 0xFE, 0x00]).verdict, BotVerdict::Tool);
}

#[test]
fn claims_are_told_with_the_vendor_they_name() {
    for (agent, vendor) in [
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", Crawler::Google),
        ("GOOGLEBOT", Crawler::Google),
        ("AdsBot-Google (+http://www.google.com/adsbot.html)", Crawler::Google),
        (
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) Chrome/116.0 Safari/537.36",
            Crawler::Bing,
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.1.1 Safari/605.1.15 (Applebot/0.1; +http://www.apple.com/go/applebot)",
            Crawler::Apple,
        ),
        ("Mozilla/5.0 (compatible; YandexImages/3.0; +http://yandex.com/bots)", Crawler::Yandex),
        (
            "Mozilla/5.0 (compatible; Baiduspider-render/2.0; +http://www.baidu.com/search/spider.html)",
            Crawler::Baidu,
        ),
        (
            "Mozilla/5.0 (compatible; SeznamBot/4.0; +https://o-seznam.cz/napoveda/vyhledavani/en/seznambot-crawler/)",
            Crawler::Seznam,
        ),
        (
            "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Amazonbot/0.1; +https://developer.amazon.com/support/amazonbot) Chrome/119.0.6045.214 Safari/537.36",
            Crawler::Amazon,
        ),
        (
            "Mozilla/5.0 (Linux; Android 7.0;) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; PetalBot;+https://webmaster.petalsearch.com/site/petalbot)",
            Crawler::Petal,
        ),
    ] {
        let sorted = sort_agent(agent.as_bytes());
        assert_eq!(sorted, SortedAgent { verdict: BotVerdict::DeclaredBot, claims: Some(vendor) }, "{agent}");
    }
}

#[test]
fn every_word_of_the_list_is_found_and_none_is_lost() {
    let words = &LISTED.words;
    assert!(words.len() > 700, "{}", words.len());
    assert_eq!(usize::from(*LISTED.begins.last().unwrap()), words.len());
    for word in words {
        let found = LISTED.find(word.text, true);
        let outweighs = match found {
            Some(Kind::Claim(_)) => true,
            Some(Kind::Bot) => !matches!(word.kind, Kind::Claim(_)),
            Some(Kind::Tool) => word.kind == Kind::Tool,
            None => false,
        };
        assert!(outweighs, "{}", String::from_utf8_lossy(word.text));
    }
}

#[test]
fn only_the_beginning_of_an_endless_agent_is_looked_at() {
    let endless = format!("{CHROME} {} Googlebot", "x".repeat(10_000));
    assert_eq!(sort(&endless), BotVerdict::Person);
}
