//! Fifty people at once, and not one answer under a wrong name.
//!
//! Half of them are judged by their own token, half are spoken for by our account, which may itself do everything. The
//! names of objects say whose they are, and the API server's log must hold exactly the requests that each one made.

mod both_ways;
mod person;

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use self::person::{Acting, Person, home, signed_in, spoken_for};
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
use serde_json::json;

const PEOPLE: usize = 50;
const CALLS: usize = 10_000;
const AT_ONCE: usize = 80;

/// Far more than it takes; a run that hangs ends.
const LONGEST: Duration = Duration::from_secs(300);

const OIDC: &str = "authProvider: oidc\n          oidcTokenProvider: keycloak";

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

/// A cluster, a portal, and our account, which may do everything and speak for anybody: whatever falls back to it
/// succeeds, and is found out.
struct Ground {
    cluster: Cluster,
    kind: RequestKind,
    backstage: Backstage,
    /// As the API server's records name it.
    account: String,
    token: String,
}

impl Ground {
    async fn new() -> Self {
        let cluster = Cluster::shared().await;
        let kind = cluster.promise("Database").await;
        let home = cluster.namespace("crowd").await;
        let account = cluster.service_account(&home, "door").await;
        let anybody = Rule::on("", &["users", "groups"]).verbs(&["impersonate"]);
        for rule in [anybody, Rule::on(&kind.group, &[&kind.plural])] {
            cluster.allow(&account.subject(), &rule).await;
        }
        Self {
            token: cluster.token(&account).await,
            account: account.user(),
            backstage: Backstage::start().await,
            cluster,
            kind,
        }
    }

    /// An app with these further fields of the cluster's entry and this section `stagedoor.ske`.
    async fn app(&self, entry: &str, ours: &str) -> TestApp {
        let config = direct(&self.backstage.app_config(&self.cluster, entry, ours));
        TestApp::start(&patient(&config)).await
    }
}

struct Crowd {
    ground: Ground,
    people: Vec<Person>,
    apps: Vec<TestApp>,
    calls: AtomicUsize,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    expected: Mutex<BTreeMap<Request, usize>>,
}

impl Crowd {
    fn new(ground: Ground, people: Vec<Person>, apps: Vec<TestApp>) -> Self {
        Self {
            ground,
            people,
            apps,
            calls: AtomicUsize::default(),
            under_way: AtomicUsize::default(),
            most_under_way: AtomicUsize::default(),
            expected: Mutex::default(),
        }
    }

    /// Half of them with an app that takes sign-ins, half with one that speaks for its users.
    async fn gather() -> Self {
        let ground = Ground::new().await;
        let people = join_all((0..PEOPLE).map(|number| person(&ground, number))).await;
        let entry = account_entry(&ground.token);
        let apps = vec![
            ground.app(OIDC, "{}").await,
            ground.app(&entry, IMPERSONATION).await,
        ];
        Self::new(ground, people, apps)
    }

    /// Lets everybody do everything so often, mixed, many at once; returns how long it took.
    async fn act(&self, steps: &[(Step, usize)], at_once: usize) -> Duration {
        let began = Instant::now();
        let all = stream::iter(mixed(&self.steps(steps)))
            .for_each_concurrent(at_once, |(person, number, step)| self.step(person, number, step));
        tokio::time::timeout(LONGEST, all)
            .await
            .expect("it comes to an end");
        let most = self.most_under_way.load(Ordering::SeqCst);
        assert!(most >= at_once * 4 / 5, "only {most} at once");
        began.elapsed()
    }

    /// Asserts that the log holds what each one did, under no other name, and returns it.
    async fn judged_as_called(&self, calls: usize) -> BTreeMap<Request, usize> {
        assert_eq!(self.calls.load(Ordering::SeqCst), calls);
        let seen = self.seen().await;
        let expected = self.expected.lock().clone();
        let wrong: Vec<_> = seen
            .iter()
            .filter(|(request, count)| expected.get(request) != Some(count))
            .collect();
        assert!(wrong.is_empty(), "not as the callers made them: {wrong:#?}");
        assert_eq!(seen, expected);
        let account = &self.ground.account;
        let mut alone = self.ground.cluster.audit().mentioning(account);
        // Which Promises stand is asked in our own name, as which kinds are served.
        let promises = |entry: &crate::support::kubernetes::audit::Entry| {
            entry.verb == "list" && entry.object["resource"] == "promises"
        };
        alone.retain(|entry| entry.judged_as() == account && !entry.object.is_null() && !promises(entry));
        assert!(alone.is_empty(), "judged as our own account: {alone:#?}");
        seen
    }

    async fn stop(self) {
        for app in self.apps {
            app.stop().await.unwrap();
        }
    }

    /// Everything that is done: by whom, the how manieth of the person, what.
    fn steps(&self, each: &[(Step, usize)]) -> Vec<(usize, usize, Step)> {
        let each = each
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
        let other = self.other_than(person, number);
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
            Step::Live => acting.live(number * self.people.len() + person).await,
        }
    }

    /// Everybody else in turn; whoever is there twice is not somebody else.
    fn other_than(&self, person: usize, number: usize) -> &Person {
        let count = self.people.len();
        let from = person + 1 + number % (count - 1);
        let mut in_turn = (from..).map(|place| &self.people[place % count]);
        in_turn
            .find(|other| other.name != self.people[person].name)
            .unwrap()
    }

    /// What the log has of the kind's objects, except what the test's administrator did.
    async fn seen(&self) -> BTreeMap<Request, usize> {
        let about_objects = |entries: Vec<crate::support::kubernetes::audit::Entry>| {
            let ours = entries.into_iter().filter(|entry| entry.user != "admin");
            ours.filter(|entry| entry.object["resource"] == self.ground.kind.plural)
                .collect::<Vec<_>>()
        };
        let enough: usize = self.expected.lock().values().sum();
        let log = self.ground.cluster.audit();
        let settled = log.settled(&self.ground.kind.group, |entries| {
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

/// Gives the next person a namespace, an object in it, the rights there, and a portal user.
async fn person(ground: &Ground, number: usize) -> Person {
    let name = home(ground, number).await;
    if number.is_multiple_of(2) {
        return signed_in(ground, &name, 0).await;
    }
    let mut person = spoken_for(ground, &name, (&format!("only:{name}"), 1)).await;
    person.tokens.push(ground.backstage.user(&name, json!({})));
    person
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
    let took = crowd.act(&STEPS, AT_ONCE).await;
    tell(took, CALLS, &crowd.judged_as_called(CALLS).await);
    crowd.stop().await;
}

/// Seen with `--nocapture`.
#[allow(
    clippy::print_stdout,
    reason = "what was seen and how long it took is the result"
)]
fn tell(took: Duration, calls: usize, seen: &BTreeMap<Request, usize>) {
    let requests: usize = seen.values().sum();
    let denied: usize = seen
        .iter()
        .filter(|(request, _)| request.5 == 403)
        .map(|(_, count)| count)
        .sum();
    let people: std::collections::BTreeSet<&str> = seen.keys().map(|request| request.1.as_str()).collect();
    println!(
        "{calls} calls by {} identities in {took:?}; the log has {requests} requests of theirs, {denied} denied, none under \
         another name",
        people.len()
    );
}
