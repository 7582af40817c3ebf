use std::fmt;

use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, TlsCertificates};
use url::Url;

/// Where Redis is, and how to get in. Shown without its password.
#[derive(Clone)]
pub struct RedisAddress {
    info: ConnectionInfo,
    shown: String,
}

impl RedisAddress {
    /// Reads `redis://` or, with TLS, `rediss://`: user, password, host, port and the number of the database.
    ///
    /// # Errors
    /// A sentence for whoever wrote it, without anything of the value.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "must be redis://[[user]:password@]host[:port][/number], or rediss:// for TLS";
        let url = Url::parse(text.trim()).map_err(|_| FORM)?;
        let hosted = url.host_str().is_some_and(|host| !host.is_empty());
        if !matches!(url.scheme(), "redis" | "rediss") || !hosted {
            return Err(FORM);
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("takes no parameters after the database's number");
        }
        let number = url.path().trim_matches('/');
        if !number.is_empty() && number.parse::<u16>().is_err() {
            return Err("must end in the number of a database, such as /0, or in nothing");
        }
        let mut shown = url.clone();
        let _ = shown.set_password(None);
        let mut shown = shown.to_string();
        if url.password().is_some() {
            let user = format!("{}://{}", url.scheme(), url.username());
            let rest = shown.split_off(user.len());
            shown = format!("{user}:[redacted]@{}", rest.trim_start_matches('@'));
        }
        let info = url.as_str().into_connection_info().map_err(|_| FORM)?;
        let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        Ok(Self { info: info.set_redis_settings(settings), shown })
    }

    /// A client of it. With TLS the usual authorities are trusted, or those of `authorities` (PEM) instead.
    pub(crate) fn client(self, authorities: Option<Vec<u8>>) -> Result<Client, String> {
        if matches!(self.info.addr(), ConnectionAddr::TcpTls { .. }) {
            // An error means that the process has chosen one already, which serves as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let certificates = TlsCertificates { client_tls: None, root_cert: authorities };
            return Client::build_with_tls(self.info, certificates).map_err(|error| error.to_string());
        }
        Client::open(self.info).map_err(|error| error.to_string())
    }
}

impl fmt::Display for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_read_and_not_shown() {
        let address = RedisAddress::parse("rediss://ada:obviously%20fake@cache.example:6380/3").unwrap();
        assert_eq!(address.to_string(), "rediss://ada:[redacted]@cache.example:6380/3");
        assert_eq!(address.info.redis_settings().password(), Some("obviously fake"));
        assert_eq!(address.info.redis_settings().db(), 3);
        let address = RedisAddress::parse("redis://:fake@[::1]").unwrap();
        assert_eq!(address.to_string(), "redis://:[redacted]@[::1]");
        assert_eq!(
            RedisAddress::parse("redis://127.0.0.1:6379").unwrap().to_string(),
            "redis://127.0.0.1:6379"
        );
    }

    #[test]
    fn faults_quote_nothing() {
        for text in [
            "",
            "fake-secret",
            "http://:fake-secret@host",
            "redis://",
            "redis://h/fake-secret",
            "redis://h?p=fake-secret",
        ] {
            let fault = RedisAddress::parse(text).unwrap_err();
            assert!(!fault.contains("fake-secret"), "{fault}");
        }
    }
}
