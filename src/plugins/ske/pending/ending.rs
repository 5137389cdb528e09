//! What becomes of a request in the end, and what whoever asked for it is told.

use tracing::{info, warn};

use super::{
    Pending,
    lifecycle::Sight,
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

/// The end of a request of which nothing was heard any more.
const UNSEEN: &str = "Nothing was seen of it for 7 days, so the portal no longer shows it as pending. Ask whoever runs the \
                      platform.";

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
    /// There is nothing to change any more.
    Gone,
    /// Its pull request was closed without a merge.
    TurnedDown,
    /// Nothing happened for so long that nobody waits any more.
    GivenUp,
    /// Nobody could say for so long what became of its pull request that nobody will.
    OutOfSight,
}

impl News {
    /// What it means for a request that it is settled by this sight.
    pub(super) fn of_sight(request: &PendingRequest, sight: &Sight) -> Self {
        match (request.action, sight) {
            (Action::Update, Sight::Absent) => Self::Gone,
            _ => Self::CameAbout,
        }
    }

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
            Self::Gone => "there is nothing to change any more",
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
    let (title, end) = words(request, news);
    Some(Notice {
        recipient: recipient.clone(),
        title,
        description: format!("Namespace {}. {end}", request.namespace),
        link: request.pull_request_url.clone(),
        severity: match news {
            News::Approved => Severity::Low,
            _ => Severity::Normal,
        },
        topic: TOPIC,
        scope: format!("pending-request:{}", request.id),
    })
}

/// A line, and what there is to say besides.
fn words(request: &PendingRequest, news: News) -> (String, &'static str) {
    let object = format!("{} {}", request.kind, request.name);
    let (asked, done, seen) = match request.action {
        Action::Request => (
            "request for",
            "is there",
            "The platform has it; its page shows how far it is.",
        ),
        Action::Update => (
            "change of",
            "was changed",
            "The platform has worked through the change; its page shows how it ended.",
        ),
        Action::Delete => ("deletion of", "is gone", "The platform no longer has it."),
    };
    let yours = |became: &str| format!("Your {asked} {object} {became}");
    match news {
        News::Approved => (
            yours("was approved"),
            "Its pull request was merged; the platform takes it from here.",
        ),
        News::CameAbout => (format!("{object} {done}"), seen),
        News::Landed => (format!("{object} {done}"), "Its pull request was merged."),
        News::Gone => (
            format!("{object} is gone"),
            "The platform no longer has it, so nothing became of your change.",
        ),
        News::TurnedDown => (
            yours("was turned down"),
            "Its pull request was closed without a merge; nothing was changed.",
        ),
        News::GivenUp => (yours("was given up"), UNSEEN),
        News::OutOfSight => (yours("was given up"), OUT_OF_SIGHT),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::request, *};

    #[test]
    fn whoever_asked_is_told_what_became_of_it_in_words_that_fit_what_was_asked() {
        let cases = [
            (Action::Request, News::CameAbout, "Database orders is there"),
            (Action::Update, News::CameAbout, "Database orders was changed"),
            (Action::Update, News::Landed, "Database orders was changed"),
            (Action::Delete, News::CameAbout, "Database orders is gone"),
            (Action::Update, News::Gone, "Database orders is gone"),
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
    fn nobody_is_told_that_a_change_came_about_of_what_is_gone() {
        let news = |action| News::of_sight(&request(action), &Sight::Absent);
        assert_eq!(news(Action::Update), News::Gone);
        assert_eq!(news(Action::Delete), News::CameAbout);
        let seen = News::of_sight(&request(Action::Update), &Sight::COMMITTED);
        assert_eq!(seen, News::CameAbout);
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
