//! What follows a configuration reload.

use super::App;
use crate::backstage::permission::{self, PermissionSettings};

/// Lets plugins and discovery follow; a reload that any of them refuses changes nothing.
pub(super) fn follow(app: &App) {
    let discovery = app.discovery.clone();
    app.env.config.on_change(&["discovery"], move |reader| {
        let newer = discovery.get().following(reader)?;
        let discovery = discovery.clone();
        Ok(Box::new(move || discovery.set(newer)))
    });
    let permission = app.env.permission.clone();
    app.env.config.on_change(permission::LIVE_KEYS, move |reader| {
        let newer = PermissionSettings::read(reader)?;
        let permission = permission.clone();
        Ok(Box::new(move || permission.set(newer)))
    });
    for registration in &app.registrations {
        if let Some(on) = &registration.on {
            let reload = on.reload.clone();
            app.env
                .config
                .on_change(&on.live_keys, move |reader| reload(reader));
        }
    }
}
