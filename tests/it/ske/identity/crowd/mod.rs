//! Fifty people at once, and not one answer under a wrong name.
//!
//! Half of them are judged by their own token, half are spoken for by our account, which may itself do everything. The
//! names of objects say whose they are, and the API server's log must hold exactly the requests that each one made.

mod person;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use self::person::{Acting, Person, person};
use super::{account_entry, direct};
use crate::{
    ske::portal::Backstage,
    support::{
        app::TestApp,
        kubernetes::{Cluster, RequestKind, Rule},
    },
};
use futures_util::{StreamExt, future::join_all, stream};
use parking_lot::Mutex;

const PEOPLE: usize = 50;
const CALLS: usize = 10_000;
const AT_ONCE: usize = 80;

/// Far more than it takes; a run that hangs ends.
const LONGEST: Duration = Duration::from_secs(300);

const IMPERSONATION: &str =
    "{ impersonation: { user: 'backstage:{namespace}/{name}', groups: ['only:{name}'] } }";

/// A request of the log: who sent it and as whom it was judged, verb, namespace, name, status.
type Request = (String, String, String, String, String, u64);

/// One or more calls in a row by one person.
#[derive(Clone, Copy)]
enum Step {
    ReadOwn,
    FollowOwn,
    ReadForeign,
    ConfigureForeign,
    DeleteForeign,
    /// Creates, updates, reads and deletes an object that no other step touches.
    Live,
}

/// How often each person does what; `Live` is four calls.
const STEPS: [(Step, usize); 6] = [
    (Step::ReadOwn, 80),
    (Step::FollowOwn, 10),
    (Step::ReadForeign, 40),
    (Step::ConfigureForeign, 20),
    (Step::DeleteForeign, 10),
    (Step::Live, 10),
];

struct Crowd {
    cluster: Cluster,
    kind: RequestKind,
    people: Vec<Person>,
    signed_in: TestApp,
    spoken_for: TestApp,
    calls: AtomicUsize,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    expected: Mutex<BTreeMap<Request, usize>>,
}

impl Crowd {
    async fn gather() -> Self {
        let cluster = Cluster::shared().await;
        let kind = cluster.promise("Database").await;
        let backstage = Backstage::start().await;
        let home = cluster.namespace("crowd").await;
        let account = cluster.service_account(&home, "door").await;
        cluster
            .allow(
                &account.subject(),
                &Rule::on("", &["users", "groups"]).verbs(&["impersonate"]),
            )
            .await;
        cluster
            .allow(&account.subject(), &Rule::on(&kind.group, &[&kind.plural]))
            .await;
        let token = cluster.token(&account).await;
        let people = (0..PEOPLE).map(|number| person(&cluster, &backstage, &kind, (number, account.user())));
        let people = join_all(people).await;
        let oidc = "authProvider: oidc\n          oidcTokenProvider: keycloak";
        let signed_in = direct(&backstage.app_config(&cluster, oidc, "{}"));
        let spoken_for = direct(&backstage.app_config(&cluster, &account_entry(&token), IMPERSONATION));
        Self {
            kind,
            people,
            signed_in: TestApp::start(&patient(&signed_in)).await,
            spoken_for: TestApp::start(&patient(&spoken_for)).await,
            cluster,
            calls: AtomicUsize::default(),
            under_way: AtomicUsize::default(),
            most_under_way: AtomicUsize::default(),
            expected: Mutex::default(),
        }
    }

    /// Lets everybody do everything, mixed, many at once.
    async fn act(&self) {
        let steps = mixed(&self.steps());
        let all = stream::iter(steps)
            .for_each_concurrent(AT_ONCE, |(person, number, step)| self.step(person, number, step));
        tokio::time::timeout(LONGEST, all)
            .await
            .expect("it comes to an end");
    }

    /// Everything that is done: by whom, the how manieth of the person, what.
    fn steps(&self) -> Vec<(usize, usize, Step)> {
        let each = STEPS
            .iter()
            .flat_map(|(step, count)| std::iter::repeat_n(*step, *count));
        let each: Vec<(usize, Step)> = each.enumerate().collect();
        let people = 0..self.people.len();
        people
            .flat_map(|person| each.iter().map(move |(number, step)| (person, *number, *step)))
            .collect()
    }

    async fn step(&self, person: usize, number: usize, step: Step) {
        let me = &self.people[person];
        // Everybody else in turn.
        let other = &self.people[(person + 1 + number % (PEOPLE - 1)) % PEOPLE];
        let token = &me.tokens[number % me.tokens.len()];
        let acting = Acting {
            crowd: self,
            me,
            token,
        };
        match step {
            Step::ReadOwn => acting.read_own().await,
            Step::FollowOwn => acting.follow_own().await,
            Step::ReadForeign => acting.read_foreign(other).await,
            Step::ConfigureForeign => acting.configure_foreign(other).await,
            Step::DeleteForeign => acting.delete_foreign(other).await,
            Step::Live => acting.live(number).await,
        }
    }

    /// What the log has of the kind's objects, except what the test's administrator did.
    async fn seen(&self) -> BTreeMap<Request, usize> {
        let about_objects = |entries: Vec<crate::support::kubernetes::audit::Entry>| {
            let ours = entries.into_iter().filter(|entry| entry.user != "admin");
            ours.filter(|entry| entry.object["resource"] == self.kind.plural)
                .collect::<Vec<_>>()
        };
        let enough: usize = self.expected.lock().values().sum();
        let log = self.cluster.audit();
        let settled = log.settled(&self.kind.group, |entries| {
            about_objects(entries.to_vec()).len() >= enough
        });
        let mut seen = BTreeMap::new();
        for entry in about_objects(settled.await) {
            let text = |field: &str| entry.object[field].as_str().unwrap_or_default().to_owned();
            let judged_as = entry.judged_as().to_owned();
            let request = (
                entry.user.clone(),
                judged_as,
                entry.verb,
                text("namespace"),
                text("name"),
                entry.status,
            );
            *seen.entry(request).or_default() += 1;
        }
        seen
    }
}

/// Keeps connections for a minute: on a busy machine a request must not meet the end of an idle one.
fn patient(app_config: &str) -> String {
    app_config.replacen(
        "backend:\n",
        "backend:\n  server: { keepAliveTimeout: 60000 }\n",
        1,
    )
}

/// The same in an order without any pattern, the same in each run.
fn mixed<T: Copy>(steps: &[T]) -> Vec<T> {
    let mut steps = steps.to_vec();
    let mut state: usize = 0x9e37_79b9;
    for last in (1..steps.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        steps.swap(last, (state >> 33) % (last + 1));
    }
    steps
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_mixed_calls_of_fifty_people_are_each_judged_and_answered_as_the_one_who_called() {
    let crowd = Crowd::gather().await;
    let began = Instant::now();
    crowd.act().await;
    let took = began.elapsed();
    assert_eq!(crowd.calls.load(Ordering::SeqCst), CALLS);
    let at_once = crowd.most_under_way.load(Ordering::SeqCst);
    assert!(at_once >= 64, "only {at_once} at once");
    let seen = crowd.seen().await;
    let expected = crowd.expected.lock().clone();
    let wrong: Vec<_> = seen
        .iter()
        .filter(|(request, count)| expected.get(request) != Some(count))
        .collect();
    assert!(wrong.is_empty(), "not as the callers made them: {wrong:#?}");
    assert_eq!(seen, expected);
    tell(took, &seen);
    for app in [crowd.signed_in, crowd.spoken_for] {
        app.stop().await.unwrap();
    }
}

/// Seen with `--nocapture`.
#[allow(
    clippy::print_stdout,
    reason = "what was seen and how long it took is the result"
)]
fn tell(took: Duration, seen: &BTreeMap<Request, usize>) {
    let requests: usize = seen.values().sum();
    let denied: usize = seen
        .iter()
        .filter(|(request, _)| request.5 == 403)
        .map(|(_, count)| count)
        .sum();
    let people: std::collections::BTreeSet<&str> = seen.keys().map(|request| request.1.as_str()).collect();
    println!(
        "{CALLS} calls by {} identities in {took:?}; the log has {requests} requests of theirs, {denied} denied, none under \
         another name",
        people.len()
    );
}
