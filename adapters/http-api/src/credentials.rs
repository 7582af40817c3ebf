//! Who is calling.

use std::{net::IpAddr, sync::Arc};

use http::{HeaderMap, HeaderValue, Method, header, request::Parts};
use portico_domain::{
    models::{AccessClaims, Caller, KeyHolder, OrganizationId, Role, Scope},
    settings::Target,
};

use crate::{PeerAddress, code::Code, cookies, problem::Problem, routes::Shared};

/// Whoever is calling.
pub(crate) enum Principal {
    /// A person, by their access token.
    Person(AccessClaims),
    /// A program, by its key.
    Program(Arc<KeyHolder>),
}

impl Principal {
    /// The person's or the key's: what belongs to whoever is calling belongs to this.
    pub(crate) fn id(&self) -> String {
        match self {
            Self::Person(claims) => claims.user_id.to_string(),
            Self::Program(holder) => holder.key.id.to_string(),
        }
    }

    /// The organization that they act for.
    pub(crate) fn organization(&self) -> OrganizationId {
        match self {
            Self::Person(claims) => claims.organization_id,
            Self::Program(holder) => holder.key.organization_id,
        }
    }
}

/// Proves a key that has `scope`, or else a bearer token of an admin.
pub(crate) async fn admin_or_key(shared: &Shared, parts: &Parts, scope: Scope) -> Result<Principal, Problem> {
    match principal(shared, parts, Some(scope)).await? {
        Principal::Person(claims) if claims.role != Role::Admin => {
            let detail = format!("Only an admin or a key with {} may do this.", scope.as_str());
            Err(Problem::new(Code::Forbidden, detail))
        }
        principal => Ok(principal),
    }
}

/// Proves a key, which must have `scope` if one is named, or else a bearer token. What a person needs for the same is for the handler to ask.
pub(crate) async fn principal(
    shared: &Shared,
    parts: &Parts,
    scope: Option<Scope>,
) -> Result<Principal, Problem> {
    let key = only(&parts.headers, "x-api-key")?;
    match key {
        Some(key) if !parts.headers.contains_key(header::AUTHORIZATION) => {
            let text = key.to_str().unwrap_or_default();
            let holder = shared.api.door.api_keys.check.run(text, scope).await?;
            Ok(Principal::Program(holder))
        }
        _ => Ok(Principal::Person(bearer(shared, parts).await?)),
    }
}

/// The one value of a header that carries a credential. Of two none is chosen, also where what stands before us has joined them with a comma, as the Workers runtime
/// does: neither a key nor a bearer token contains one. (Other schemes may; they are refused as such.)
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a HeaderValue>, Problem> {
    let mut values = headers.get_all(name).iter();
    let value = values.next();
    let joined = value.map(HeaderValue::as_bytes).is_some_and(|value| {
        let is_ours = name != "authorization"
            || value.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer"));
        is_ours && value.contains(&b',')
    });
    if joined || values.next().is_some() {
        return Err(Problem::new(Code::AmbiguousCredentials, format!("Send one {name}.")));
    }
    Ok(value)
}

/// Proves a bearer token, or the access cookie of a browser of this site. Where the request changes something, it is counted for the account.
pub(crate) async fn bearer(shared: &Shared, parts: &Parts) -> Result<AccessClaims, Problem> {
    let token = token(shared, parts)?;
    let claims = shared.api.door.authenticate.run(token).await?;
    if !is_read(&parts.method) {
        shared.api.door.limit_requests.of_account(claims.user_id).await?;
    }
    Ok(claims)
}

fn is_read(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD
}

/// Proves a bearer token of somebody who operates Portico.
pub(crate) async fn admin(shared: &Shared, parts: &Parts) -> Result<AccessClaims, Problem> {
    let claims = bearer(shared, parts).await?;
    match claims.role {
        Role::Admin => Ok(claims),
        Role::Member => Err(Problem::new(Code::Forbidden, "Only an admin may do this.")),
    }
}

fn token<'a>(shared: &Shared, parts: &'a Parts) -> Result<&'a str, Problem> {
    let headers = &parts.headers;
    let authorization = only(headers, header::AUTHORIZATION.as_str())?;
    match (authorization, headers.get("x-api-key")) {
        (Some(_), Some(_)) => {
            let detail = "Send Authorization or x-api-key, not both.";
            Err(Problem::new(Code::AmbiguousCredentials, detail))
        }
        (None, Some(_)) => Err(Problem::unauthenticated("This route takes an access token.")),
        (Some(value), None) => {
            let text = value.to_str().ok().and_then(|text| text.split_once(' '));
            match text {
                Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(token.trim()),
                _ => Err(Problem::unauthenticated("Send Authorization: Bearer and an access token.")),
            }
        }
        (None, None) => from_cookie(shared, parts, cookies::ACCESS)
            .ok_or_else(|| Problem::unauthenticated("Send Authorization: Bearer and an access token.")),
    }
}

/// The value of a token cookie, where it may count as a credential.
///
/// A browser sends cookies along whoever made it send the request. `SameSite=Lax` keeps them from other sites' posts; that the request was
/// made by a page of this very origin is insisted on besides, wherever the request could change anything, and wherever the answer could be
/// read by a page of another origin that an operator lets read answers.
pub(crate) fn from_cookie<'a>(shared: &Shared, parts: &'a Parts, name: &str) -> Option<&'a str> {
    let value = cookies::get(&parts.headers, name)?;
    let header = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let is_own = |origin: &str| origin == shared.api.door.settings.public_url;
    let counts = match (is_read(&parts.method), header("sec-fetch-site")) {
        (_, Some("same-origin")) => true,
        // A browser that only goes there, or shows a picture from there, names no origin, and shows the answer to no script.
        (true, _) => header("origin").is_none_or(is_own),
        (false, Some(_)) => false,
        (false, None) => header("origin").is_some_and(is_own),
    };
    counts.then_some(value)
}

/// Where a request comes from: address and agent.
pub(crate) fn caller(shared: &Shared, parts: &Parts) -> Caller {
    let settings = &shared.api.door.settings;
    let address = match settings.target {
        Target::Worker => {
            let named = parts.headers.get("cf-connecting-ip").and_then(|value| value.to_str().ok());
            named.and_then(|text| text.trim().parse().ok())
        }
        Target::Native => {
            let peer = parts.extensions.get::<PeerAddress>().map(|peer| peer.0);
            forwarded(&parts.headers, peer, settings.trusted_proxies)
        }
    };
    let agent = parts.headers.get(header::USER_AGENT);
    let user_agent = agent.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    Caller { address, user_agent }
}

/// The client's address behind `proxies` trusted proxies.
///
/// Each proxy appends the address it was called from to `X-Forwarded-For`, so the client is the entry as many from the end as there are
/// proxies; anything before it the client may have made up. With fewer entries than proxies the peer's own address counts, as with an entry
/// that is no address: whoever sends such a header is not given the choice of whom to be counted as.
fn forwarded(headers: &HeaderMap, peer: Option<IpAddr>, proxies: usize) -> Option<IpAddr> {
    if proxies == 0 {
        return peer;
    }
    let entries: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .collect();
    let named = entries.len().checked_sub(proxies).and_then(|at| entries.get(at));
    named.and_then(|text| text.parse().ok()).or(peer)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_client_is_counted_from_the_end_of_the_forwarded_list() {
        let peer: IpAddr = "10.0.0.1".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", HeaderValue::from_static("198.51.100.9, 192.0.2.1"));
        headers.append("x-forwarded-for", HeaderValue::from_static("10.0.0.2"));
        let at = |proxies| forwarded(&headers, Some(peer), proxies).map(|ip| ip.to_string());
        assert_eq!(at(0).as_deref(), Some("10.0.0.1"));
        assert_eq!(at(1).as_deref(), Some("10.0.0.2"));
        assert_eq!(at(2).as_deref(), Some("192.0.2.1"));
        assert_eq!(at(4).as_deref(), Some("10.0.0.1"));
        let odd = HeaderMap::from_iter([(
            http::HeaderName::from_static("x-forwarded-for"),
            HeaderValue::from_static("somebody"),
        )]);
        assert_eq!(forwarded(&odd, Some(peer), 1), Some(peer));
    }
}
