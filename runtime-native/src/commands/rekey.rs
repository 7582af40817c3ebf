use std::{io, sync::Arc};

use anyhow::{Context, anyhow};
use portico_crypto::{SystemEntropy, XChaChaSealer};
use portico_domain::flows::user_settings::{RekeyProviderKeys, RekeyReport};
use portico_in_process::SystemClock;

use super::{progress::Progress, say};
use crate::{Failure, configuration::Configuration, encryption, storage};

const LABEL: &str = "keys";

/// Puts every provider key under the present encryption key.
pub(crate) async fn rekey(configuration: &Configuration) -> Result<(), Failure> {
    let keys = encryption::known_keys(configuration)?;
    if keys.is_empty() {
        let told = "PORTICO_ENCRYPTION_KEYS is not set, and the data directory holds no key: there is nothing to encrypt under";
        return Err(Failure::Usage(vec![told.to_owned()]));
    }
    let known: Vec<String> = keys.ids().map(str::to_owned).collect();
    let store = storage::open_ready(configuration, Arc::new(SystemClock)).await?;
    let flow = RekeyProviderKeys {
        keys: Arc::clone(&store.repositories.sealed_keys),
        sealer: Arc::new(XChaChaSealer::new(keys, Arc::new(SystemEntropy))),
    };
    let (mut progress, mut total) = (Progress::new(), 0);
    let ended = flow.run(|now| {
        total = now.total;
        if now.done < now.total {
            progress.show(LABEL, now.done, now.total);
        }
    });
    let ended = ended.await;
    store.close().await;
    let shown = || format!("{}: not all keys were put over; run it again", configuration.database.shown());
    let report = ended.with_context(shown)?;
    if total > 0 {
        progress.show(LABEL, total, total);
    }
    say(|out| write_report(out, &report, &known))?;
    if report.refused > 0 {
        return Err(
            anyhow!("{} of the stored keys don't open, and were left as they are", report.refused).into()
        );
    }
    Ok(())
}

fn write_report(out: &mut dyn io::Write, report: &RekeyReport, known: &[String]) -> io::Result<()> {
    let RekeyReport { present, resealed, overtaken, refused, named, in_use } = report;
    writeln!(out, "{resealed} keys were put under {present}")?;
    if *overtaken > 0 {
        writeln!(out, "{overtaken} were replaced by their owners in that moment, and left to them")?;
    }
    for key in named {
        writeln!(out, "the key of user {} at {} doesn't open: {}", key.user_id, key.provider, key.why)?;
    }
    if *refused > named.len() as u64 {
        writeln!(out, "and {} more", refused - named.len() as u64)?;
    }
    let others = |id: &&String| *id != present;
    let unused: Vec<&str> =
        known.iter().filter(others).filter(|id| !in_use.contains(id)).map(String::as_str).collect();
    let needed: Vec<&str> = in_use.iter().filter(others).map(String::as_str).collect();
    if !needed.is_empty() {
        writeln!(out, "still needed: {}", needed.join(", "))?;
    }
    if unused.is_empty() {
        return Ok(());
    }
    let unused = unused.join(", ");
    writeln!(
        out,
        "no longer needed: {unused}. Take it out of the configuration once every server was started with {present} as its first key and this command has \
        found nothing to do since: a server that was not would still encrypt under another"
    )
}

#[cfg(test)]
mod tests {
    use portico_domain::{
        flows::user_settings::RefusedKey,
        models::{ProviderName, UserId},
        ports::OpenRefused,
    };

    use super::*;

    fn told(report: &RekeyReport, known: &[&str]) -> String {
        let known: Vec<String> = known.iter().map(|id| (*id).to_owned()).collect();
        let mut out = Vec::new();
        write_report(&mut out, report, &known).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_old_key_may_go_once_nothing_is_under_it() {
        let report = RekeyReport {
            present: "k2".to_owned(),
            resealed: 7,
            in_use: vec!["k2".to_owned()],
            ..RekeyReport::default()
        };
        let told = told(&report, &["k1", "k2"]);
        assert!(
            told.starts_with("7 keys were put under k2\n") && told.contains("no longer needed: k1. "),
            "{told}"
        );
        assert!(!told.contains("still needed"), "{told}");
    }

    #[test]
    fn what_does_not_open_is_named_and_its_key_still_needed() {
        let user_id = UserId::parse("01890a5d-ac96-774b-bcce-b302099a8057").unwrap();
        let provider = ProviderName::parse("openai").unwrap();
        let why = OpenRefused::UnknownKey { key_id: "k0".to_owned() };
        let report = RekeyReport {
            present: "k2".to_owned(),
            refused: 3,
            named: vec![RefusedKey { user_id, provider, why }],
            in_use: vec!["k0".to_owned(), "k2".to_owned()],
            ..RekeyReport::default()
        };
        let told = told(&report, &["k2"]);
        let expected = "0 keys were put under k2\n\
            the key of user 01890a5d-ac96-774b-bcce-b302099a8057 at openai doesn't open: it is encrypted under the key k0, which is not configured\n\
            and 2 more\n\
            still needed: k0\n";
        assert_eq!(told, expected);
    }
}
