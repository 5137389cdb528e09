//! `ske.pendingRequests` as Syntasso documents it, and what we add below `stagedoor.ske.pendingRequests`.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use crate::config::{ConfigReader, Problems};

const REFRESH: &str = "ske.pendingRequests.refreshSeconds";
const SWEEP: &str = "stagedoor.ske.pendingRequests.sweepSeconds";
const SECRET: &str = "stagedoor.ske.pendingRequests.feedSecret";
const NOTIFY: &str = "stagedoor.ske.pendingRequests.notify";

/// Documented default, and the shortest we do: each look costs the platform a call per request.
const REFRESH_DEFAULT: u64 = 60;
const REFRESH_FLOOR: u64 = 5;

/// Defaults and floor of the sweep: code hosts count calls by the hour.
const SWEEP_DEFAULT: u64 = 900;
const SWEEP_FLOOR: u64 = 60;

/// Slower than this is off.
const SLOWEST: u64 = 86_400;

/// Shortest secret that nobody guesses.
const SHORTEST_SECRET: usize = 32;

/// When recorded requests are looked at, and where the catalog reads them.
#[derive(Debug, Clone)]
pub(in crate::plugins::ske) struct PendingConfig {
    /// `ske.pendingRequests.refreshSeconds`.
    pub(in crate::plugins::ske) refresh: Duration,
    /// `stagedoor.ske.pendingRequests.sweepSeconds`.
    pub(in crate::plugins::ske) sweep: Duration,
    /// `stagedoor.ske.pendingRequests.feedSecret`: part of the address the catalog reads; without it there is none.
    pub(in crate::plugins::ske) feed_secret: Option<SecretString>,
    /// `stagedoor.ske.pendingRequests.notify`: whether the portal tells people what became of their requests.
    pub(in crate::plugins::ske) notify: bool,
}

impl PendingConfig {
    /// Reads the keys; `None` when something is wrong, which is then among the problems.
    pub(super) fn read(reader: &ConfigReader, problems: &mut Problems) -> Option<Self> {
        let refresh = seconds(reader, (REFRESH, REFRESH_DEFAULT), problems);
        let sweep = seconds(reader, (SWEEP, SWEEP_DEFAULT), problems);
        let feed_secret = feed_secret(reader, problems);
        let notify = problems.of(reader.optional_boolean(NOTIFY))?.unwrap_or(false);
        let (mut refresh, sweep) = (refresh?, sweep?);
        if refresh < REFRESH_FLOOR {
            problems.notice(format!(
                "{REFRESH} is below {REFRESH_FLOOR}, so {REFRESH_FLOOR} is used"
            ));
            refresh = REFRESH_FLOOR;
        }
        if sweep < SWEEP_FLOOR {
            problems.refuse(SWEEP, "must be at least 60");
            return None;
        }
        Some(Self {
            refresh: Duration::from_secs(refresh),
            sweep: Duration::from_secs(sweep),
            feed_secret: feed_secret?,
            notify,
        })
    }
}

fn seconds(reader: &ConfigReader, (key, default): (&str, u64), problems: &mut Problems) -> Option<u64> {
    let Some(number) = problems.of(reader.optional_number(key))? else {
        return Some(default);
    };
    if number.fract() == 0.0 && (1.0..=SLOWEST as f64).contains(&number) {
        // In range and whole, so the cast keeps it.
        return Some(number as u64);
    }
    problems.refuse(key, "must be a whole number of seconds, from 1 to 86400");
    None
}

/// It becomes part of a path, so that it is the same before and after encoding, also where the log masks it.
fn feed_secret(reader: &ConfigReader, problems: &mut Problems) -> Option<Option<SecretString>> {
    let Some(secret) = problems.of(reader.optional_secret(SECRET))? else {
        return Some(None);
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
    let text = secret.expose_secret();
    if text.len() < SHORTEST_SECRET || !text.bytes().all(plain) {
        problems.refuse(
            SECRET,
            "must be at least 32 letters, digits, '-', '_', '.' or '~', such as the output of 'openssl rand -hex 24'",
        );
        return None;
    }
    Some(Some(secret))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;
    use serde_json::{Value, json};

    use super::super::testing::{problems, read};

    fn with(documented: Value, ours: Value) -> Value {
        json!({"ske": {"pendingRequests": documented}, "stagedoor": {"ske": {"pendingRequests": ours}}})
    }

    #[test]
    fn nothing_said_is_a_minute_a_quarter_of_an_hour_no_feed_and_nobody_told() {
        let pending = read(&json!({"ske": {}})).unwrap().pending;
        assert_eq!((pending.refresh.as_secs(), pending.sweep.as_secs()), (60, 900));
        assert!(pending.feed_secret.is_none() && !pending.notify);
    }

    #[test]
    fn people_are_told_where_it_is_asked_for() {
        let told = |value: Value| read(&with(json!({}), json!({"notify": value})));
        assert!(told(json!(true)).unwrap().pending.notify);
        assert!(told(json!("true")).unwrap().pending.notify);
        let wrong = problems(&with(json!({}), json!({"notify": "perhaps"})));
        assert!(wrong.len() == 1 && wrong[0].contains("notify"), "{wrong:?}");
    }

    #[test]
    fn the_numbers_have_floors() {
        let config = read(&with(json!({"refreshSeconds": 1}), json!({"sweepSeconds": "60"}))).unwrap();
        assert_eq!(
            (config.pending.refresh.as_secs(), config.pending.sweep.as_secs()),
            (5, 60)
        );
        assert!(
            config.notices[0].contains("ske.pendingRequests.refreshSeconds"),
            "{:?}",
            config.notices
        );
        for (documented, ours, key) in [
            (json!({"refreshSeconds": 0}), json!({}), "refreshSeconds"),
            (json!({"refreshSeconds": 1.5}), json!({}), "refreshSeconds"),
            (json!({"refreshSeconds": 1e9}), json!({}), "refreshSeconds"),
            (json!({}), json!({"sweepSeconds": 59}), "sweepSeconds"),
        ] {
            let told = problems(&with(documented, ours));
            assert!(told.len() == 1 && told[0].contains(key), "{told:?}");
        }
    }

    #[test]
    fn a_secret_of_the_feed_is_long_and_plain_and_never_repeated() {
        let good = "a".repeat(31) + "~";
        let read = read(&with(json!({}), json!({"feedSecret": good})))
            .unwrap()
            .pending;
        assert_eq!(read.feed_secret.unwrap().expose_secret(), good);
        for bad in [
            "canary".to_owned(),
            "canary/".repeat(8),
            "canary ".repeat(8),
            "canarü".repeat(8),
        ] {
            let told = problems(&with(json!({}), json!({"feedSecret": bad})));
            assert!(told.len() == 1 && told[0].contains("feedSecret"), "{told:?}");
            assert!(!told[0].contains("canar"), "{told:?}");
        }
    }
}
