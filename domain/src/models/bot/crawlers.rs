/// A vendor whose crawlers prove by the names of their addresses that they are theirs: the name that an address has (PTR) lies in one of the vendor's
/// domains, and leads back to the same address (A or AAAA).
///
/// Only vendors that document this themselves are here; crawlers of others, such as those that publish address ranges alone, stay declared bots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Crawler {
    /// Google's common and special crawlers.
    ///
    /// Source: <https://developers.google.com/search/docs/crawling-indexing/verifying-googlebot>. Of the domains named there
    /// `googleusercontent.com` is left out, because machines that anybody can rent have names in it; the fetchers that use it
    /// (`Feedfetcher-Google`, `Google-Read-Aloud` and other user-triggered ones) are declared bots.
    Google,
    /// Microsoft's Bing. Source: <https://www.bing.com/webmasters/help/how-to-verify-bingbot-3905dc26>.
    Bing,
    /// Apple's. Source: <https://support.apple.com/en-us/119829>.
    Apple,
    /// Yandex'. Source: <https://yandex.com/support/webmaster/robot-workings/check-yandex-robots.html>.
    Yandex,
    /// Baidu's. Source: <https://help.baidu.com/question?prod_id=99&class=476&id=2996>.
    Baidu,
    /// Seznam's. Source: <https://o-seznam.cz/napoveda/vyhledavani/en/seznambot-crawler/>.
    Seznam,
    /// Amazon's. Source: <https://developer.amazon.com/amazonbot>.
    Amazon,
    /// Huawei's Petal Search, whose machines had names in `aspiegel.com` before. Source: <https://aspiegel.com/petalbot>.
    Petal,
}

/// A row of the table: who, the words in its agents, the domains of its machines.
type Row = (Crawler, &'static [&'static str], &'static [&'static str]);

const TABLE: [Row; 8] = [
    (
        Crawler::Google,
        &[
            "googlebot",
            "googleother",
            "google-inspectiontool",
            "storebot-google",
            "adsbot-google",
            "mediapartners-google",
            "apis-google",
        ],
        &["googlebot.com", "google.com"],
    ),
    (Crawler::Bing, &["bingbot", "adidxbot"], &["search.msn.com"]),
    (Crawler::Apple, &["applebot"], &["applebot.apple.com"]),
    (Crawler::Yandex, &["yandexbot", "yandex.com/bots"], &["yandex.ru", "yandex.net", "yandex.com"]),
    (Crawler::Baidu, &["baiduspider"], &["baidu.com", "baidu.jp"]),
    (Crawler::Seznam, &["seznambot"], &["seznam.cz"]),
    (Crawler::Amazon, &["amazonbot"], &["crawl.amazonbot.amazon"]),
    (Crawler::Petal, &["petalbot"], &["petalsearch.com", "aspiegel.com"]),
];

impl Crawler {
    /// Every vendor, in the order of the table.
    pub const ALL: [Self; 8] = [
        Self::Google,
        Self::Bing,
        Self::Apple,
        Self::Yandex,
        Self::Baidu,
        Self::Seznam,
        Self::Amazon,
        Self::Petal,
    ];

    /// The vendor's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Bing => "bing",
            Self::Apple => "apple",
            Self::Yandex => "yandex",
            Self::Baidu => "baidu",
            Self::Seznam => "seznam",
            Self::Amazon => "amazon",
            Self::Petal => "petal",
        }
    }

    /// The words in lower case by which its crawlers name themselves.
    #[must_use]
    pub const fn words(self) -> &'static [&'static str] {
        TABLE[self as usize].1
    }

    /// Whether a machine of this name is the vendor's: the name is below one of its domains. `notgooglebot.com` and
    /// `googlebot.com.example` are not.
    #[must_use]
    pub fn owns(self, name: &str) -> bool {
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let is_below = |domain: &&str| {
            name.strip_suffix(domain)
                .and_then(|host| host.strip_suffix('.'))
                .is_some_and(|host| !host.is_empty())
        };
        TABLE[self as usize].2.iter().any(is_below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_its_vendors() {
        for (place, (row, crawler)) in TABLE.iter().zip(Crawler::ALL).enumerate() {
            assert_eq!((row.0, crawler as usize), (crawler, place));
            assert!(!row.1.is_empty() && !row.2.is_empty());
            assert!(row.1.iter().chain(row.2).all(|text| text.to_ascii_lowercase() == **text));
        }
    }

    #[test]
    fn machines_are_below_their_vendors_domain() {
        for name in [
            "crawl-66-249-66-1.googlebot.com",
            "geo-crawl-1-2-3-4.geo.googlebot.com",
            "rate-limited-proxy-66-249-90-77.google.com",
            "Crawl-66-249-66-1.GoogleBot.com.",
        ] {
            assert!(Crawler::Google.owns(name), "{name}");
        }
        assert!(Crawler::Bing.owns("msnbot-157-55-39-1.search.msn.com"));
        for name in [
            "googlebot.com",
            ".googlebot.com",
            "notgooglebot.com",
            "x.notgooglebot.com",
            "googlebot.com.example",
            "crawl.googlebot.com.example",
            "1.2.3.4.bc.googleusercontent.com",
            "x.search.msn.com",
            "",
        ] {
            assert!(!Crawler::Google.owns(name), "{name}");
        }
    }
}
