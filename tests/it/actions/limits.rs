//! An action that does not end is given up, and says so.

use std::time::Duration;

use serde_json::json;

use super::portal::Portal;

#[tokio::test]
async fn an_action_that_does_not_end_is_given_up_with_a_504_before_the_scaffolder_loses_patience() {
    let portal = Portal::start().await;
    let input = json!({});
    let reply = portal.invoke("never-ends", &input);
    let hurry = async {
        // Long enough for the request to arrive; then the time passes at once.
        tokio::time::sleep(Duration::from_millis(300)).await;
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(281)).await;
        tokio::time::resume();
    };
    let (reply, ()) = tokio::join!(reply, hurry);
    let (status, name, message) = reply.refused();
    assert_eq!((status, name.as_str()), (504, "ServiceUnavailableError"));
    assert!(
        message.contains("given up after 280 s; what it began may still take effect"),
        "{message}"
    );
}
