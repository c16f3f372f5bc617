//! The functions that an expression may call.

use cel::extractors::This;
use cel::{Context, ExecutionError, FunctionContext};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

/// Those of the CEL standard that make sense over texts, and of the strings extension what people look for.
pub(super) const NAMES: &[&str] = &[
    "contains",
    "size",
    "startsWith",
    "endsWith",
    "matches",
    "string",
    "int",
    "double",
    "lowerAscii",
    "upperAscii",
    "trim",
    "replace",
];

/// Patterns that are kept compiled.
const MOST_PATTERNS: usize = 100;

pub(super) static FUNCTIONS: LazyLock<Context<'static>> = LazyLock::new(|| {
    let mut context = Context::default();
    type Text = Arc<String>;
    context.add_function("lowerAscii", |This(text): This<Text>| text.to_ascii_lowercase());
    context.add_function("upperAscii", |This(text): This<Text>| text.to_ascii_uppercase());
    context.add_function("trim", |This(text): This<Text>| text.trim().to_owned());
    context.add_function("replace", |This(text): This<Text>, from: Text, to: Text| text.replace(&*from, &to));
    // The crate's own compiles the pattern for every record.
    let patterns: Mutex<BTreeMap<String, regex::Regex>> = Mutex::default();
    context.add_function(
        "matches",
        move |context: &FunctionContext<'_, '_>,
              This(text): This<Text>,
              pattern: Text|
              -> Result<bool, ExecutionError> {
            let mut patterns = patterns.lock().expect("nothing panics while it is held");
            if let Some(known) = patterns.get(pattern.as_str()) {
                return Ok(known.is_match(&text));
            }
            let compiled = regex::Regex::new(&pattern).map_err(|_| context.error("not a regular expression"))?;
            let matches = compiled.is_match(&text);
            // Patterns that are made of values must not push out those that stand in manifests for ever.
            if patterns.len() >= MOST_PATTERNS {
                patterns.clear();
            }
            patterns.insert(pattern.to_string(), compiled);
            Ok(matches)
        },
    );
    context
});
