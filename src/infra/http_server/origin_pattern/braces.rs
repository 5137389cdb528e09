//! `{a,b}` and `{1..3}`, as npm `brace-expansion` writes them out.

/// Most texts one pattern may stand for.
const MOST: usize = 1024;

/// Deepest nesting of braces.
const DEEPEST: usize = 16;

const TOO_MUCH: &str = "its braces stand for more than is taken";

/// Writes out every text that the pattern stands for.
pub(super) fn expand(text: &str) -> Result<Vec<String>, &'static str> {
    // Empty braces at the beginning stand for themselves, as in Bash.
    match text.strip_prefix("{}") {
        Some(rest) => expand_within(format!("\\{{\\}}{rest}"), 0),
        None => expand_within(text.to_owned(), 0),
    }
}

fn expand_within(mut rest: String, depth: usize) -> Result<Vec<String>, &'static str> {
    if depth > DEEPEST {
        return Err(TOO_MUCH);
    }
    let mut done = vec![String::new()];
    loop {
        let Some((before, body, after)) = first_group(&rest) else {
            return combined(&done, "", &[rest]);
        };
        let values = if before.ends_with('$') {
            vec![format!("{{{body}}}")]
        } else if let Some(values) = members(body, depth)? {
            values
        } else if comma_and_brace_follow(after) {
            // Braces without a comma or a range stand for themselves; as in Bash, `{a},b}` is one group.
            rest = format!("{before}{{{body}\\}}{after}");
            continue;
        } else {
            return combined(&done, "", &[rest]);
        };
        done = combined(&done, before, &values)?;
        rest = after.to_owned();
    }
}

fn combined(heads: &[String], middle: &str, tails: &[String]) -> Result<Vec<String>, &'static str> {
    if heads.len() * tails.len() > MOST {
        return Err(TOO_MUCH);
    }
    let with_tails = |head: &String| {
        tails
            .iter()
            .map(move |tail| format!("{head}{middle}{tail}"))
            .collect::<Vec<_>>()
    };
    Ok(heads.iter().flat_map(with_tails).collect())
}

/// What the body of braces stands for; `None` if for itself.
fn members(body: &str, depth: usize) -> Result<Option<Vec<String>>, &'static str> {
    if let Some(range) = range(body) {
        return range.map(Some);
    }
    if !unescaped(body).any(|(_, sign)| sign == ',') {
        return Ok(None);
    }
    let parts = comma_parts(body);
    let mut all = Vec::new();
    for part in &parts {
        all.extend(expand_within((*part).to_owned(), depth + 1)?);
    }
    if let [_] = parts.as_slice() {
        // Every comma lies in inner braces.
        all = all.iter().map(|text| format!("{{{text}}}")).collect();
    }
    (all.len() <= MOST).then_some(Some(all)).ok_or(TOO_MUCH)
}

/// `1..3`, `a..e`, with a step or without; numbers keep leading zeros.
fn range(body: &str) -> Option<Result<Vec<String>, &'static str>> {
    let parts: Vec<&str> = body.split("..").collect();
    let (first, last, step) = match *parts.as_slice() {
        [first, last] => (first, last, 1),
        [first, last, step] => (first, last, number(step)?.unsigned_abs().max(1)),
        _ => return None,
    };
    if let (Some(from), Some(to)) = (letter(first), letter(last)) {
        return Some(Ok(steps((from.into(), to.into()), step)?
            .iter()
            .map(|value| letter_text(*value))
            .collect()));
    }
    let (from, to) = (number(first)?, number(last)?);
    let is_padded = [first, last]
        .iter()
        .any(|text| text.trim_start_matches('-').starts_with('0') && text.trim_start_matches('-').len() > 1);
    let width = if is_padded { first.len().max(last.len()) } else { 0 };
    let values = steps((from, to), step).ok_or(TOO_MUCH);
    Some(values.map(|values| values.iter().map(|value| format!("{value:0width$}")).collect()))
}

fn letter(text: &str) -> Option<u8> {
    match text.as_bytes() {
        [letter] if letter.is_ascii_alphabetic() => Some(*letter),
        _ => None,
    }
}

/// A backslash between the capitals and the others stands for nothing.
fn letter_text(value: i64) -> String {
    let letter = u8::try_from(value).map(char::from).ok();
    letter
        .filter(|letter| *letter != '\\')
        .map(String::from)
        .unwrap_or_default()
}

fn number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// The values on the way, upwards or downwards; `None` if there are too many.
fn steps((from, to): (i64, i64), step: u64) -> Option<Vec<i64>> {
    let count = from.abs_diff(to) / step;
    let count = usize::try_from(count).ok().filter(|count| *count < MOST)?;
    let step = i64::try_from(step).ok().filter(|_| count > 0).unwrap_or(0);
    let step = if to < from { -step } else { step };
    (0..=count)
        .map(|index| from.checked_add(step.checked_mul(i64::try_from(index).ok()?)?))
        .collect()
}

/// What stands before, within and after the first braces that have their other half.
fn first_group(text: &str) -> Option<(&str, &str, &str)> {
    let mut opens = unescaped(text).filter(|(_, sign)| *sign == '{');
    let (open, close) = opens.find_map(|(open, _)| Some((open, open + closing(text.get(open..)?)?)))?;
    Some((
        text.get(..open)?,
        text.get(open + 1..close)?,
        text.get(close + 1..)?,
    ))
}

/// Where the braces end that begin the text.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (place, sign) in unescaped(text) {
        match sign {
            '{' => depth += 1,
            '}' if depth == 1 => return Some(place),
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// The parts between the commas outside of inner braces.
fn comma_parts(body: &str) -> Vec<&str> {
    let (mut parts, mut begin, mut depth) = (Vec::new(), 0, 0_usize);
    for (place, sign) in unescaped(body) {
        match sign {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.extend(body.get(begin..place));
                begin = place + 1;
            }
            _ => {}
        }
    }
    parts.extend(body.get(begin..));
    parts
}

fn comma_and_brace_follow(text: &str) -> bool {
    let last = unescaped(text).filter(|(_, sign)| *sign == '}').last();
    let is_comma = |(place, sign): (usize, char)| {
        sign == ','
            && !text.get(place + 1..).unwrap_or_default().starts_with(',')
            && last.is_some_and(|(brace, _)| place < brace)
    };
    unescaped(text).any(is_comma)
}

/// The signs that no backslash precedes, with their places.
fn unescaped(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut signs = text.char_indices();
    std::iter::from_fn(move || {
        loop {
            match signs.next()? {
                (_, '\\') => drop(signs.next()),
                sign => return Some(sign),
            }
        }
    })
}
