//! What becomes of a request in the end, and what whoever asked for it is told.

use tracing::{info, warn};

use super::{
    Pending,
    request::{Action, PendingRequest, Review},
    store::Store,
};
use crate::{
    backstage::{
        notifications::{Notice, Severity},
        user_text::encode_user_text,
    },
    infra::database::DatabaseError,
};

/// What people can turn off in the portal's settings.
const TOPIC: &str = "Pending requests";

/// The end of a request whose pull request nobody lets us see.
const OUT_OF_SIGHT: &str = "Its pull request could not be seen for 30 days, so the portal no longer shows it as pending. Ask \
                            whoever runs the platform.";

/// What happened to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// Its pull request was merged, and it stays until the platform has done its part.
    Approved,
    /// The platform shows what was asked for.
    CameAbout,
    /// Its pull request was merged, which is all there is to do.
    Landed,
    /// Its pull request was closed without a merge.
    TurnedDown,
    /// Nothing happened for so long that nobody waits any more.
    GivenUp,
    /// Nobody could say for so long what became of its pull request that nobody will.
    OutOfSight,
}

impl News {
    /// Why a request that has been waiting for too long is given up.
    pub(super) fn of_stale(request: &PendingRequest) -> Self {
        match request.review {
            Review::Open => Self::OutOfSight,
            Review::None | Review::Merged => Self::GivenUp,
        }
    }

    /// Why, for the log.
    fn why(self) -> &'static str {
        match self {
            Self::Approved | Self::Landed => "its pull request was merged",
            Self::CameAbout => "it has come about",
            Self::TurnedDown => "its pull request was closed without a merge",
            Self::GivenUp => "nothing happened to it for 7 days",
            Self::OutOfSight => "nobody could see its pull request for 30 days",
        }
    }
}

impl Pending {
    /// Removes a record, says so, and tells whoever asked.
    pub(super) async fn withdraw(
        &self,
        store: &Store,
        request: &PendingRequest,
        news: News,
    ) -> Result<(), DatabaseError> {
        if store.withdraw(request).await? {
            let object = encode_user_text(&format!("{}/{}", request.namespace, request.name));
            info!(
                object,
                action = request.action.word(),
                "Withdrew the pending request for {} {object}: {}",
                request.kind,
                news.why()
            );
            self.changed();
            self.notify(request, news);
        }
        Ok(())
    }

    /// Tells whoever asked, in the background, where the portal is to be told at all.
    pub(super) fn notify(&self, request: &PendingRequest, news: News) {
        let portal = self.portal.get().filter(|_| self.config.get().pending.notify);
        let Some((portal, notice)) = portal.zip(notice(request, news)) else {
            return;
        };
        let notifications = portal.notifications.clone();
        self.tasks.spawn(async move {
            if let Err(error) = notifications.send(&notice).await {
                let recipient = encode_user_text(&notice.recipient);
                warn!(recipient, reason = %error, "Somebody was not told what became of a pending request");
            }
        });
    }
}

/// What whoever asked is told; a script is told nothing.
fn notice(request: &PendingRequest, news: News) -> Option<Notice> {
    let recipient = request.requested_by.as_ref()?;
    if !recipient.starts_with("user:") {
        return None;
    }
    let object = format!("{} {}", request.kind, request.name);
    let asked = match request.action {
        Action::Request => format!("request for {object}"),
        Action::Update => format!("change of {object}"),
        Action::Delete => format!("deletion of {object}"),
    };
    let done = match request.action {
        Action::Request => "is there",
        Action::Update => "is as you asked",
        Action::Delete => "is gone",
    };
    let (title, end, severity) = match news {
        News::Approved => (
            format!("Your {asked} was approved"),
            "Its pull request was merged; the platform takes it from here.",
            Severity::Low,
        ),
        News::CameAbout => (
            format!("{object} {done}"),
            "The platform shows it.",
            Severity::Normal,
        ),
        News::Landed => (
            format!("{object} {done}"),
            "Its pull request was merged.",
            Severity::Normal,
        ),
        News::TurnedDown => (
            format!("Your {asked} was turned down"),
            "Its pull request was closed without a merge; nothing was changed.",
            Severity::Normal,
        ),
        News::GivenUp => (
            format!("Your {asked} was given up"),
            "Nothing was seen of it for 7 days, so the portal no longer shows it as pending. Ask whoever runs the platform.",
            Severity::Normal,
        ),
        News::OutOfSight => (
            format!("Your {asked} was given up"),
            OUT_OF_SIGHT,
            Severity::Normal,
        ),
    };
    Some(Notice {
        recipient: recipient.clone(),
        title,
        description: format!("Namespace {}. {end}", request.namespace),
        link: request.pull_request_url.clone(),
        severity,
        topic: TOPIC,
        scope: format!("pending-request:{}", request.id),
    })
}

#[cfg(test)]
mod tests {
    use super::{super::testing::request, *};

    #[test]
    fn whoever_asked_is_told_what_became_of_it_in_words_that_fit_what_was_asked() {
        let cases = [
            (Action::Request, News::CameAbout, "Database orders is there"),
            (Action::Update, News::CameAbout, "Database orders is as you asked"),
            (Action::Update, News::Landed, "Database orders is as you asked"),
            (Action::Delete, News::CameAbout, "Database orders is gone"),
            (
                Action::Request,
                News::Approved,
                "Your request for Database orders was approved",
            ),
            (
                Action::Delete,
                News::TurnedDown,
                "Your deletion of Database orders was turned down",
            ),
            (
                Action::Update,
                News::GivenUp,
                "Your change of Database orders was given up",
            ),
            (
                Action::Request,
                News::OutOfSight,
                "Your request for Database orders was given up",
            ),
        ];
        for (action, news, title) in cases {
            let notice = notice(&request(action), news).unwrap();
            assert_eq!(notice.title, title);
            assert_eq!(notice.recipient, "user:default/jane");
            assert!(notice.description.starts_with("Namespace shop. "));
        }
    }

    #[test]
    fn the_news_of_one_request_replace_each_other_and_lead_to_its_pull_request() {
        let mut reviewed = request(Action::Request);
        reviewed.pull_request_url = Some("https://github.com/O/R/pull/7".to_owned());
        let approved = notice(&reviewed, News::Approved).unwrap();
        let there = notice(&reviewed, News::CameAbout).unwrap();
        assert_eq!(approved.scope, there.scope);
        assert_eq!(there.link.as_deref(), Some("https://github.com/O/R/pull/7"));
    }

    #[test]
    fn a_script_that_asked_is_told_nothing() {
        for by in [
            None,
            Some("external:ci".to_owned()),
            Some("plugin:scaffolder".to_owned()),
        ] {
            let mut request = request(Action::Request);
            request.requested_by = by;
            assert_eq!(notice(&request, News::CameAbout), None);
        }
    }
}
