//! How often what strangers send may make us ask elsewhere: by each address, and by all of them together.

use std::{
    collections::VecDeque,
    net::IpAddr,
    time::{Duration, Instant},
};

use crate::infra::http_server::client_block;

/// What may be spent within a window. Memory is bounded by what all may spend.
#[derive(Debug)]
pub(super) struct Budget {
    each: usize,
    all: usize,
    window: Duration,
    spent: VecDeque<(Instant, Option<IpAddr>)>,
}

impl Budget {
    /// Nothing is spent yet.
    pub(super) fn new(each: usize, all: usize, window: Duration) -> Self {
        Self {
            each,
            all,
            window,
            spent: VecDeque::new(),
        }
    }

    /// Spends one for the address, if one is left; callers whose address is not known share theirs.
    pub(super) fn spend(&mut self, client: Option<IpAddr>, now: Instant) -> bool {
        let client = client.map(client_block);
        self.spent.retain(|(at, _)| now.duration_since(*at) < self.window);
        let own = self
            .spent
            .iter()
            .filter(|(_, spender)| *spender == client)
            .count();
        let left = own < self.each && self.spent.len() < self.all;
        if left {
            self.spent.push_back((now, client));
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_spends_its_own_and_all_have_a_bound() {
        let (now, minute) = (Instant::now(), Duration::from_secs(60));
        let mut budget = Budget::new(2, 5, minute);
        let mut spend = |client: &str, at| budget.spend(client.parse().ok(), at);
        let spent = ["10.0.0.1", "10.0.0.1", "10.0.0.1", "10.0.0.2", "", ""].map(|client| spend(client, now));
        assert_eq!(spent, [true, true, false, true, true, true]);
        assert!(!spend("10.0.0.3", now), "all together");
        assert!(spend("10.0.0.1", now + minute));
    }

    #[test]
    fn a_block_of_ipv6_is_one_address() {
        let now = Instant::now();
        let mut budget = Budget::new(1, 9, Duration::from_secs(60));
        let mut spend = |client: &str| budget.spend(client.parse().ok(), now);
        assert!(spend("2001:db8::1") && !spend("2001:db8::2") && spend("2001:db9::1"));
    }
}
