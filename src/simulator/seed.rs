//! Stacks to begin with: a dozen by hand for the demo, any number by rule for tests and the benchmark.

use std::time::Duration;

use super::{
    clock::SimTime,
    run::{Outcome, Run, RunState},
    stack::{Space, Stack},
};

/// Age of the newest run of a stack that is at rest, so that lists do not look as if all happened this second.
const REST: Duration = Duration::from_secs(3 * 3600);

const ENVIRONMENTS: [&str; 4] = ["production", "staging", "development", "sandbox"];
const LAYERS: [&str; 5] = ["network", "cluster", "database", "identity", "monitoring"];
const REGIONS: [&str; 5] = [
    "eu-west-1",
    "eu-central-1",
    "us-east-1",
    "us-west-2",
    "ap-south-1",
];
const TEAMS: usize = 12;

/// What one seeded stack is about.
struct Plan<'a> {
    environment: &'a str,
    layer: &'a str,
    region: &'a str,
    team: &'a str,
    state: Option<RunState>,
    outcome: Outcome,
}

/// Returns the dozen stacks of the demo: some at rest, some waiting for a person, some busy.
pub fn demo_stacks() -> Vec<Stack> {
    use Outcome::{Autodeploys, FailsApplying, FailsPlanning, NeedsConfirmation, Unchanged};
    use RunState::{Applying, Discarded, Failed, Finished, Planning, Stopped, Unconfirmed};
    let rows = [
        ("production", "network", Some(Finished), NeedsConfirmation),
        ("production", "cluster", Some(Finished), Autodeploys),
        ("production", "database", Some(Unconfirmed), NeedsConfirmation),
        ("production", "monitoring", Some(Applying), Autodeploys),
        ("staging", "network", Some(Finished), Unchanged),
        ("staging", "cluster", Some(Failed), FailsPlanning),
        ("staging", "database", Some(Planning), Autodeploys),
        ("staging", "identity", Some(Discarded), NeedsConfirmation),
        ("development", "network", Some(Finished), Autodeploys),
        ("development", "cluster", Some(Stopped), Unchanged),
        ("development", "database", Some(Failed), FailsApplying),
        ("sandbox", "playground", None, Autodeploys),
    ];
    let plan = |(environment, layer, state, outcome)| Plan {
        environment,
        layer,
        region: "eu-west-1",
        team: "platform",
        state,
        outcome,
    };
    let now = SimTime::from_system();
    rows.into_iter()
        .map(plan)
        .map(|plan| plan.stack(&format!("{}-{}", plan.environment, plan.layer), now))
        .collect()
}

/// Returns `count` stacks, always the same ones: environments, layers, regions and teams in turn.
pub fn generate_stacks(count: usize) -> Vec<Stack> {
    use RunState::{Applying, Failed, Finished, Planning, Unconfirmed};
    let states = [
        Finished,
        Finished,
        Unconfirmed,
        Finished,
        Failed,
        Applying,
        Finished,
        Planning,
    ];
    let now = SimTime::from_system();
    (0..count)
        .map(|index| {
            let team = format!("team-{:02}", index % TEAMS);
            let plan = Plan {
                environment: pick(&ENVIRONMENTS, index),
                layer: pick(&LAYERS, index),
                region: pick(&REGIONS, index / LAYERS.len()),
                team: &team,
                state: Some(pick(&states, index)),
                outcome: Outcome::NeedsConfirmation,
            };
            let id = format!("{}-{}-{}-{index:05}", plan.environment, plan.layer, plan.region);
            plan.stack(&id, now)
        })
        .collect()
}

fn pick<T: Copy>(choices: &[T], index: usize) -> T {
    choices[index % choices.len()]
}

impl Plan<'_> {
    fn stack(&self, id: &str, now: SimTime) -> Stack {
        let busy = self.state.is_some_and(|state| !state.is_terminal());
        let entered = if busy { now } else { now.minus(REST) };
        let run = self
            .state
            .map(|state| Run::new(seeded_run_id(id), state, self.outcome, entered));
        Stack {
            id: id.to_owned(),
            name: id.replace('-', " / "),
            description: Some(format!(
                "{} of {} in {}",
                self.layer, self.environment, self.region
            )),
            labels: self.labels(),
            branch: "main".to_owned(),
            repository: format!("infrastructure-{}", self.layer),
            project_root: Some(format!("{}/{}", self.environment, self.region)),
            space: Space {
                id: format!("{}-01H8ZC2V7R", self.environment),
                name: self.environment.to_owned(),
            },
            state: self.state.map_or("NONE", RunState::as_str).to_owned(),
            state_set_at: entered.seconds(),
            created_at: now.minus(REST * 200).seconds(),
            is_disabled: false,
            can_write: true,
            visible: true,
            lock: None,
            outcome: self.outcome,
            runs: run.into_iter().collect(),
            nulls: Vec::new(),
        }
    }

    fn labels(&self) -> Vec<String> {
        vec![
            format!("env:{}", self.environment),
            format!("layer:{}", self.layer),
            format!("region:{}", self.region),
            format!("team:{}", self.team),
        ]
    }
}

/// An id that never changes between starts and sorts before those of later runs.
fn seeded_run_id(stack: &str) -> String {
    let sum = stack.bytes().fold(7_u64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    format!("01H{sum:023}")
}
