//! Twenty people who each come both ways to one app: with their own sign-in from the portal's page, and without it
//! through the scaffolder, where our account speaks for them with the groups they own through.

use std::{collections::HashMap, sync::Arc};

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{
    super::lookups::{USER_INFO, on_behalf},
    Crowd, Ground, OIDC, Step,
    person::{Person, home, signed_in, spoken_for},
    tell,
};
use crate::support::backstage::Answer;

const PEOPLE: usize = 20;
const CALLS: usize = 1_000;
const AT_ONCE: usize = 32;

const BY_OWNERSHIP: &str =
    "{ impersonation: { user: 'backstage:{namespace}/{name}', groupsFrom: ownership } }";

/// How often each person does what each way; `Live` is four calls.
const STEPS: [(Step, usize); 6] = [
    (Step::ReadOwn, 10),
    (Step::FollowOwn, 2),
    (Step::ReadForeign, 5),
    (Step::ConfigureForeign, 2),
    (Step::DeleteForeign, 2),
    (Step::Live, 1),
];

/// The only group the person owns through.
fn group(name: &str) -> String {
    format!("group:default/owners-of-{name}")
}

/// The next person, with a sign-in and without.
async fn both(ground: &Ground, number: usize) -> [Person; 2] {
    let name = home(ground, number).await;
    [
        signed_in(ground, &name, 0).await,
        spoken_for(ground, &name, (&group(&name), 0)).await,
    ]
}

/// What the auth backend says to the token that the scaffolder hands on for this person.
fn owned_by(person: &Person) -> (String, Value) {
    let user = format!("user:default/{}", person.name);
    let entities = [&user, &group(&person.name)];
    let answer = json!({ "claims": { "sub": user, "ent": entities } });
    (on_behalf(&person.tokens[0]), answer)
}

async fn gather() -> Crowd {
    let ground = Ground::new().await;
    let pairs = join_all((0..PEOPLE).map(|number| both(&ground, number))).await;
    let owned: HashMap<_, _> = pairs.iter().map(|[_, without]| owned_by(without)).collect();
    ground
        .backstage
        .fake
        .serve(USER_INFO, Answer::ByToken(Arc::new(owned)));
    let entry = format!("{OIDC}\n          serviceAccountToken: {}", ground.token);
    let app = ground.app(&entry, BY_OWNERSHIP).await;
    Crowd::new(ground, pairs.into_iter().flatten().collect(), vec![app])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_who_come_both_ways_to_one_app_are_each_judged_by_their_sign_in_or_by_what_they_own_through() {
    let crowd = gather().await;
    let took = crowd.act(&STEPS, AT_ONCE).await;
    tell(took, CALLS, &crowd.judged_as_called(CALLS).await);
    let asked = crowd.ground.backstage.fake.fetches(USER_INFO);
    assert!(
        (PEOPLE..CALLS / 2).contains(&asked),
        "ownership was asked for {asked} times"
    );
    crowd.stop().await;
}
