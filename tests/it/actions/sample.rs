//! The plugin `sample`: one action for each thing that can go right or wrong.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use stagedoor::{
    backstage::{
        BackendPlugin, Check, InitError, Plugin, PluginEnv,
        actions::{Action, Actions, Attributes, Call, Example, NoInput, Schema},
        error::BackstageError,
        permission::{self, Needs, Permission, Permissions},
        routes::Routes,
    },
    config::{ConfigError, ConfigReader, Live},
};

/// What the panicking action says; it must not leave the process.
pub(super) const PANIC: &str = "canary-words-of-a-panic";

pub(super) struct Sample;

impl BackendPlugin for Sample {
    const ID: &'static str = "sample";
    const CONFIG_SECTION: &'static str = "sample";
    type Config = ();

    fn config(_: &ConfigReader) -> Result<(), Vec<ConfigError>> {
        Ok(())
    }

    async fn init(_: Live<()>, env: PluginEnv) -> Result<Plugin, InitError> {
        Ok(plugin::<Self>(
            &env,
            Actions::new()
                .add(DoThing)
                .add(Look)
                .add(Hidden)
                .add(UseSecret)
                .add(Fail)
                .add(BadOutput)
                .add(Drifted)
                .add(Panics)
                .add(NeverEnds),
        ))
    }

    async fn check(_: Arc<()>, _: PluginEnv) -> Vec<Check> {
        Vec::new()
    }
}

/// A plugin whose actions must not start: a name given twice, and an example that does not fit.
pub(super) struct Faulty;

impl BackendPlugin for Faulty {
    const ID: &'static str = "faulty";
    const CONFIG_SECTION: &'static str = "faulty";
    type Config = ();

    fn config(_: &ConfigReader) -> Result<(), Vec<ConfigError>> {
        Ok(())
    }

    async fn init(_: Live<()>, env: PluginEnv) -> Result<Plugin, InitError> {
        Ok(plugin::<Self>(
            &env,
            Actions::new().add(Look).add(Look).add(BadExample),
        ))
    }

    async fn check(_: Arc<()>, _: PluginEnv) -> Vec<Check> {
        Vec::new()
    }
}

fn plugin<P: BackendPlugin>(env: &PluginEnv, actions: Actions) -> Plugin {
    Plugin {
        routes: Routes::new(),
        auth_policies: Vec::new(),
        actions,
        permissions: Permissions::new(P::ID, env, &[]),
    }
}

/// Changes something, and tells who asked.
struct DoThing;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Thing {
    /// What to do it to.
    #[schemars(length(min = 1))]
    thing_name: String,
    /// How often.
    #[schemars(range(min = 1, max = 9))]
    times: Option<u8>,
}

#[derive(Serialize, JsonSchema)]
struct Done {
    /// Who asked.
    caller: Option<String>,
    /// What was done.
    did: String,
}

impl Action for DoThing {
    const NAME: &'static str = "do-thing";
    const TITLE: &'static str = "Do thing";
    const DESCRIPTION: &'static str = "Does it";
    const ATTRIBUTES: Attributes = Attributes {
        destructive: false,
        idempotent: true,
        read_only: false,
    };
    const NEEDS: Needs = Needs::NOTHING;
    type Input = Thing;
    type Output = Done;

    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Twice",
            description: None,
            input: json!({"thingName": "a", "times": 2}),
            output: Some(json!({"caller": "user:default/jane", "did": "a x 2"})),
        }]
    }

    async fn invoke(&self, call: Call<Thing>) -> Result<Done, BackstageError> {
        Ok(Done {
            caller: call.caller.subject().map(str::to_owned),
            did: format!("{} x {}", call.input.thing_name, call.input.times.unwrap_or(1)),
        })
    }
}

/// An action of one line: its name, and what it does with nothing.
macro_rules! looking {
    ($action:ident, $name:literal, $output:ty, $work:expr $(, $more:item)?) => {
        struct $action;

        impl Action for $action {
            const NAME: &'static str = $name;
            const TITLE: &'static str = $name;
            const DESCRIPTION: &'static str = $name;
            const ATTRIBUTES: Attributes = Attributes::READS;
            const NEEDS: Needs = Needs::NOTHING;
            $($more)?
            type Input = NoInput;
            type Output = $output;

            async fn invoke(&self, call: Call<NoInput>) -> Result<$output, BackstageError> {
                let work: fn(Call<NoInput>) -> _ = $work;
                work(call).await
            }
        }
    };
}

looking!(Look, "look", (), |_| async { Ok(()) });
looking!(
    Hidden,
    "hidden",
    (),
    |_| async { Ok(()) },
    const VISIBLE_WITH: Option<Permission> = Some(Permission {
        name: "sample.hidden.see",
        action: permission::Action::Read,
    });
);
looking!(
    UseSecret,
    "use-secret",
    Measured,
    |mut call| async move {
        let secrets: Secrets = call.secrets()?;
        Ok(Measured {
            length: secrets.password.len(),
        })
    },
    fn secrets() -> Option<Schema> {
        Some(Schema::of_input::<Secrets>())
    }
);
looking!(BadOutput, "bad-output", Broken, |_| async {
    Ok(Broken {
        count: "many".to_owned(),
    })
});
looking!(Panics, "panics", (), |_| async {
    match std::hint::black_box(true) {
        true => panic!("{PANIC}"),
        false => Ok(()),
    }
});
looking!(NeverEnds, "never-ends", (), |_| async {
    tokio::time::sleep(Duration::from_secs(3600)).await;
    Ok(())
});
looking!(
    BadExample,
    "bad-example",
    (),
    |_| async { Ok(()) },
    fn examples() -> Vec<Example> {
        vec![Example {
            title: "Wrong",
            description: None,
            input: json!({"x": 1}),
            output: None,
        }]
    }
);

#[derive(Deserialize, JsonSchema)]
struct Secrets {
    #[schemars(length(min = 4))]
    password: String,
}

#[derive(Serialize, JsonSchema)]
struct Measured {
    length: usize,
}

/// Promises a number and writes text.
#[derive(Serialize, JsonSchema)]
struct Broken {
    #[schemars(with = "u32")]
    count: String,
}

/// Fails as it is told.
struct Fail;

#[derive(Deserialize, JsonSchema)]
struct Failure {
    status: u16,
    message: String,
}

impl Action for Fail {
    const NAME: &'static str = "fail";
    const TITLE: &'static str = "Fail";
    const DESCRIPTION: &'static str = "Fails";
    const ATTRIBUTES: Attributes = Attributes::READS;
    const NEEDS: Needs = Needs::NOTHING;
    type Input = Failure;
    type Output = ();

    async fn invoke(&self, call: Call<Failure>) -> Result<(), BackstageError> {
        let status = StatusCode::from_u16(call.input.status).unwrap();
        Err(BackstageError::new("SampleError", status, call.input.message)
            .with_field("hint", json!("a field")))
    }
}

/// Its schema lets more pass than its type reads.
struct Drifted;

#[derive(Deserialize, JsonSchema)]
struct Promised {
    #[schemars(with = "String")]
    #[allow(dead_code, reason = "reading it fails")]
    number: u32,
}

impl Action for Drifted {
    const NAME: &'static str = "drifted";
    const TITLE: &'static str = "Drifted";
    const DESCRIPTION: &'static str = "Cannot read what it promises to";
    const ATTRIBUTES: Attributes = Attributes::READS;
    const NEEDS: Needs = Needs::NOTHING;
    type Input = Promised;
    type Output = ();

    async fn invoke(&self, _: Call<Promised>) -> Result<(), BackstageError> {
        Ok(())
    }
}
