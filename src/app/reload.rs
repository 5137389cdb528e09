//! What follows a configuration reload.

use crate::{
    backstage::{PluginEnv, builder::Registration, discovery::Discovery},
    config::Live,
};

/// Lets plugins and discovery follow; a reload that any of them refuses changes nothing.
pub(super) fn follow(registrations: &[Registration], discovery: &Live<Discovery>, env: &PluginEnv) {
    let ids: Vec<_> = registrations.iter().map(|registration| registration.id).collect();
    let discovery = discovery.clone();
    env.config.on_change(&["discovery"], move |reader| {
        let newer = Discovery::from_config(reader, &ids)?;
        let discovery = discovery.clone();
        Ok(Box::new(move || discovery.set(newer)))
    });
    for registration in registrations {
        if let Some(on) = &registration.on {
            let reload = on.reload.clone();
            env.config.on_change(on.live_keys, move |reader| reload(reader));
        }
    }
}
