//! Reads `backend.auth.externalAccess` and `backend.auth.keys`, with Backstage's start-up messages.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use indexmap::IndexMap;
use jsonwebtoken::DecodingKey;
use url::Url;

use super::{
    AccessRestrictions,
    external::{ExternalAccess, IdentityProvider, Method, StaticToken},
};
use crate::config::{ConfigError, ConfigReader, Value};

/// Shortest static token; Backstage's value.
const MIN_TOKEN_LENGTH: usize = 8;

/// What Node's decoder takes: with or without padding, loose last bits.
const LENIENT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads all entries; each broken entry is one error.
pub(super) fn read(reader: &ConfigReader) -> Result<Vec<ExternalAccess>, Vec<ConfigError>> {
    let mut entries = Vec::new();
    let mut errors = Vec::new();
    let mut take = |read: Result<ExternalAccess, ConfigError>| match read {
        Ok(entry) => entries.push(entry),
        Err(error) => errors.push(error),
    };
    let list = |key: &str| reader.optional_config_array(key).map(Option::unwrap_or_default);
    match (list("backend.auth.externalAccess"), list("backend.auth.keys")) {
        (Ok(external), Ok(keys)) => {
            external.iter().map(entry).for_each(&mut take);
            keys.iter().map(old_entry).for_each(&mut take);
            if !keys.is_empty() {
                tracing::warn!(
                    "'backend.auth.keys' is deprecated; write 'backend.auth.externalAccess' with type 'legacy' instead"
                );
            }
        }
        (external, keys) => errors.extend([external.err(), keys.err()].into_iter().flatten()),
    }
    if errors.is_empty() {
        Ok(entries)
    } else {
        Err(errors)
    }
}

fn entry(entry: &ConfigReader) -> Result<ExternalAccess, ConfigError> {
    let kind = entry.string("type")?;
    let options = entry.config("options")?;
    let method = match kind.as_str() {
        "static" => static_token(&options)?,
        "legacy" => legacy(&options, without_spaces(&options, "subject", "subject")?)?,
        "jwks" => identity_provider(&options)?,
        other => {
            return Err(ConfigError::new(format!(
                "Unknown type '{other}' in backend.auth.externalAccess, expected one of 'static', 'legacy', 'jwks' \
                 (at '{}')",
                entry.full_key("type")
            )));
        }
    };
    let restrictions = restrictions(entry)?;
    Ok(ExternalAccess { method, restrictions })
}

/// `backend.auth.keys[]`; everybody with the secret is the same caller.
fn old_entry(entry: &ConfigReader) -> Result<ExternalAccess, ConfigError> {
    Ok(ExternalAccess {
        method: legacy(entry, "external:backstage-plugin".to_owned())?,
        restrictions: None,
    })
}

fn static_token(options: &ConfigReader) -> Result<Method, ConfigError> {
    let token = without_spaces(options, "token", "token")?;
    if token.encode_utf16().count() < MIN_TOKEN_LENGTH {
        return Err(ConfigError::new(format!(
            "Illegal token, must be at least {MIN_TOKEN_LENGTH} characters length (at '{}')",
            options.full_key("token")
        )));
    }
    let subject = without_spaces(options, "subject", "subject")?;
    Ok(Method::Static(StaticToken::new(&token, subject)))
}

fn legacy(options: &ConfigReader, subject: String) -> Result<Method, ConfigError> {
    let secret = options.string("secret")?;
    let standard = secret.replace('-', "+").replace('_', "/");
    match LENIENT_BASE64.decode(standard) {
        Ok(bytes) if !bytes.is_empty() => Ok(Method::Legacy {
            key: DecodingKey::from_secret(&bytes),
            subject,
        }),
        _ => Err(ConfigError::new(format!(
            "Illegal secret, must be a valid base64 string (at '{}')",
            options.full_key("secret")
        ))),
    }
}

fn identity_provider(options: &ConfigReader) -> Result<Method, ConfigError> {
    let url = without_spaces(options, "url", "JWKS URL")?;
    let url = Url::parse(&url)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"));
    let url = url.ok_or_else(|| {
        let key = options.full_key("url");
        ConfigError::new(format!(
            "Illegal JWKS URL, must begin with http:// or https:// (at '{key}')"
        ))
    })?;
    Ok(Method::Jwks(IdentityProvider {
        url,
        key: options.full_key("url"),
        issuers: words(options, "issuer")?,
        algorithms: words(options, "algorithm")?,
        audiences: words(options, "audience")?,
        subject_prefix: options.optional_string("subjectPrefix")?,
    }))
}

fn without_spaces(options: &ConfigReader, key: &str, what: &str) -> Result<String, ConfigError> {
    let text = options.string(key)?;
    if text.contains(char::is_whitespace) {
        return Err(ConfigError::new(format!(
            "Illegal {what}, must be a set of non-space characters (at '{}')",
            options.full_key(key)
        )));
    }
    Ok(text)
}

/// An empty list restricts nothing, as in Backstage.
fn restrictions(entry: &ConfigReader) -> Result<Option<IndexMap<String, AccessRestrictions>>, ConfigError> {
    let mut all = IndexMap::new();
    for item in entry
        .optional_config_array("accessRestrictions")?
        .unwrap_or_default()
    {
        only_keys(&item, &["plugin", "permission", "permissionAttribute"])?;
        let plugin = item.string("plugin")?;
        let restrictions = AccessRestrictions {
            permission_names: words(&item, "permission")?,
            permission_attributes: attributes(&item)?,
        };
        if all.insert(plugin, restrictions).is_some() {
            return Err(ConfigError::new(format!(
                "Attempted to declare 'accessRestrictions' twice for the same plugin, which is not permitted (at '{}')",
                item.full_key("plugin")
            )));
        }
    }
    Ok((!all.is_empty()).then_some(all))
}

fn attributes(
    item: &ConfigReader,
) -> Result<Option<std::collections::BTreeMap<String, Vec<String>>>, ConfigError> {
    let Some(attributes) = item.optional_config("permissionAttribute")? else {
        return Ok(None);
    };
    only_keys(&attributes, &["action"])?;
    let Some(actions) = words(&attributes, "action")? else {
        return Ok(None);
    };
    let known = ["create", "read", "update", "delete"];
    if actions.iter().any(|action| !known.contains(&action.as_str())) {
        return Err(ConfigError::new(format!(
            "Invalid value at 'action' in 'permissionAttributes' config, valid values are 'create', 'read', 'update', \
             'delete' (at '{}')",
            attributes.full_key("action")
        )));
    }
    Ok(Some([("action".to_owned(), actions)].into()))
}

fn only_keys(reader: &ConfigReader, known: &[&str]) -> Result<(), ConfigError> {
    match reader.keys().iter().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(ConfigError::new(format!(
            "Invalid key at '{}', expected one of '{}'",
            reader.full_key(key),
            known.join("', '")
        ))),
    }
}

/// A string split on commas and spaces, or a list of such; nothing left counts as not set.
fn words(reader: &ConfigReader, key: &str) -> Result<Option<Vec<String>>, ConfigError> {
    let texts = match reader.get(key)? {
        None => return Ok(None),
        Some(Value::Array(_)) => reader.optional_string_array(key)?.unwrap_or_default(),
        Some(_) => vec![reader.string(key)?],
    };
    let mut words: Vec<String> = Vec::new();
    for word in texts.iter().flat_map(|text| text.split([' ', ','])) {
        if !word.is_empty() && !words.iter().any(|known| known == word) {
            words.push(word.to_owned());
        }
    }
    Ok((!words.is_empty()).then_some(words))
}
