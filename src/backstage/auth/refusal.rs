//! Why a token is not accepted, in words for the log; they never hold any part of the token.

/// The inside reason of a 401; the caller only learns which kind of token failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("no published key fits the token's key id and algorithm")]
    NoMatchingKey,
    #[error("several published keys fit and the token names none of them")]
    SeveralKeys,
    #[error("the signature does not match")]
    Signature,
    #[error("the token's algorithm is not one that published keys are used with")]
    Algorithm,
    #[error("the token demands an extension (crit) that is not known here")]
    Critical,
    #[error("the claims are not a JSON object")]
    Malformed,
    #[error("the claim \"{0}\" is missing")]
    MissingClaim(&'static str),
    #[error("the claim \"{0}\" must be a number")]
    NotANumber(&'static str),
    #[error("the token has expired")]
    Expired,
    #[error("the token is not valid yet")]
    NotYetValid,
    #[error("the token is meant for someone else (aud)")]
    Audience,
    #[error("the token comes from an issuer that is not configured (iss)")]
    Issuer,
    #[error("the token's algorithm is not among the configured ones")]
    ConfiguredAlgorithm,
    #[error("the key document at {address} could not be had: {reason}")]
    KeyDocument { address: String, reason: String },
    #[error("the plugin has no key document: {0}")]
    NoKeyDocument(Box<Refusal>),
    #[error("too many plugin ids never seen before in the last minute; this one is not looked up now")]
    TooManyNewPlugins,
    #[error(
        "the plugin is not named in 'discovery.endpoints' or 'backend.actions.pluginSources', and 'stagedoor.auth.knownPluginsOnly' is set"
    )]
    UnknownPlugin,
}

impl Refusal {
    /// The configured address of a plugin cannot be called.
    pub(super) fn bad_address(address: &str) -> Self {
        Self::KeyDocument {
            address: address.to_owned(),
            reason: "it is not a valid address".to_owned(),
        }
    }
}
