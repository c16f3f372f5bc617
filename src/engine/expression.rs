//! CEL over one entry: compiled once, evaluated for each entry with only the fields that it names.

use super::compiler::{index_of, resolve_fields};
use super::field::Field;
use super::simple::Truth;
use crate::model::{Attribute, Entry};
use cel::context::VariableResolver;
use cel::extractors::This;
use cel::parser::Parser;
use cel::{Context, ExecutionError, FunctionContext, IdedExpr, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// Why a text is no expression over an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    #[error("it is no CEL: {0}")]
    Syntax(String),
    #[error("entry has no field {0:?}")]
    UnknownField(String),
    #[error("there is no variable {0:?}; fields are written entry.<field>")]
    UnknownVariable(String),
    #[error("there is no function {0:?}")]
    UnknownFunction(String),
    #[error("a macro's variable may not be named entry")]
    Shadowed,
}

/// The expression failed for one entry; what it said may hold personal data and is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Failed;

/// A compiled expression. In its tree each `entry.<field>` is a variable of its own, so that evaluating builds
/// nothing but the values that are asked for.
pub struct Expression {
    tree: IdedExpr,
    /// The same as `tree`, where that is simple enough.
    truth: Option<Truth>,
    fields: Vec<Field>,
    functions: Context<'static>,
}

impl Expression {
    pub fn compile(text: &str) -> Result<Self, ExpressionError> {
        let mut tree = Parser::default().parse(text).map_err(|errors| {
            let first = errors.errors.first().map_or(String::new(), |error| error.msg.clone());
            ExpressionError::Syntax(first.lines().next().unwrap_or_default().to_owned())
        })?;
        let fields = resolve_fields(&mut tree, FUNCTIONS)?;
        let truth = Truth::of(&tree, &fields);
        Ok(Self { tree, truth, fields, functions: functions() })
    }

    /// The attributes that a source must read for it.
    pub fn attributes(&self) -> BTreeSet<Attribute> {
        let attribute = |field: &Field| match field {
            Field::Attribute(attribute) => Some(*attribute),
            _ => None,
        };
        self.fields.iter().filter_map(attribute).collect()
    }

    /// For a filter: must give a truth value.
    pub fn passes(&self, entry: &Entry) -> Result<bool, Failed> {
        if let Some(truth) = &self.truth {
            return Ok(truth.holds(entry));
        }
        match self.evaluate(entry)? {
            Value::Bool(passes) => Ok(passes),
            _ => Err(Failed),
        }
    }

    /// For a mapping: must give a text, or null for none.
    pub fn text(&self, entry: &Entry) -> Result<Option<String>, Failed> {
        match self.evaluate(entry)? {
            Value::String(text) if text.is_empty() => Ok(None),
            Value::String(text) => Ok(Some(Arc::unwrap_or_clone(text))),
            Value::Null => Ok(None),
            _ => Err(Failed),
        }
    }

    fn evaluate(&self, entry: &Entry) -> Result<Value, Failed> {
        let values: Vec<Value> = self.fields.iter().map(|field| field.value(entry)).collect();
        let fields = Fields(values);
        let mut context = self.functions.new_inner_scope();
        context.set_variable_resolver(&fields);
        Value::resolve(&self.tree, &context).map_err(|_| Failed)
    }
}

/// The values of the fields that an expression names, in the order in which it does.
struct Fields(Vec<Value>);

impl VariableResolver for Fields {
    fn resolve(&self, variable: &str) -> Option<Value> {
        self.0.get(index_of(variable)?).cloned()
    }
}

/// Those of the CEL standard that make sense over an entry, and of the strings extension what people look for.
const FUNCTIONS: &[&str] = &[
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

fn functions() -> Context<'static> {
    let mut context = Context::default();
    type Text = Arc<String>;
    context.add_function("lowerAscii", |This(text): This<Text>| text.to_ascii_lowercase());
    context.add_function("upperAscii", |This(text): This<Text>| text.to_ascii_uppercase());
    context.add_function("trim", |This(text): This<Text>| text.trim().to_owned());
    context.add_function("replace", |This(text): This<Text>, from: Text, to: Text| text.replace(&*from, &to));
    // The crate's own compiles the pattern for every entry.
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
            if patterns.len() < 100 {
                patterns.insert(pattern.to_string(), compiled);
            }
            Ok(matches)
        },
    );
    context
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Anchor, RecipientType, SmtpAddress};
    use proptest::prelude::*;

    fn entry() -> Entry {
        let mut entry = Entry::new(Anchor::new("a-1").unwrap(), RecipientType::UserMailbox);
        entry.primary = Some(SmtpAddress::parse("ada@b.test").unwrap());
        entry.attributes.insert(Attribute::Department, "Board office".into());
        entry.attributes.insert(Attribute::Title, " Dr ".into());
        entry.member_of.insert("Staff".into());
        entry
    }

    #[test]
    fn expressions_over_an_entry() {
        for (text, wanted) in [
            ("entry.department.startsWith('Board')", Ok(true)),
            ("!entry.department.startsWith('Board')", Ok(false)),
            ("entry['department'].contains('office')", Ok(true)),
            ("entry.company == ''", Ok(true)),
            ("has(entry.company)", Ok(false)),
            ("has(entry.department) && has(entry.memberOf)", Ok(true)),
            ("entry.memberOf.exists(g, g == 'Staff')", Ok(true)),
            ("entry.memberOf.exists(g, g == entry.department)", Ok(false)),
            ("'Staff' in entry.memberOf", Ok(true)),
            ("entry.domain in ['a.test', 'b.test']", Ok(true)),
            ("entry.recipientType == 'UserMailbox' && entry.class == 'user'", Ok(true)),
            ("entry.department.matches('^B.*e$')", Ok(true)),
            ("entry.department.matches('(')", Err(Failed)),
            ("size(entry.department) > 3 ? true : false", Ok(true)),
            ("entry.hidden || entry.disabled", Ok(false)),
            ("entry.title.trim().lowerAscii() == 'dr'", Ok(true)),
            ("entry.department", Err(Failed)),
            ("entry.department < 3", Err(Failed)),
            ("int(entry.department) > 3", Err(Failed)),
        ] {
            let expression = Expression::compile(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(expression.passes(&entry()), wanted, "{text}");
        }
    }

    #[test]
    fn texts_for_a_mapping() {
        for (text, wanted) in [
            ("entry.title.trim() + ' ' + entry.department", Ok(Some("Dr Board office"))),
            ("entry.company", Ok(None)),
            ("null", Ok(None)),
            ("entry.title.replace('Dr', 'Prof')", Ok(Some(" Prof "))),
            ("1", Err(Failed)),
        ] {
            let expression = Expression::compile(text).unwrap();
            assert_eq!(expression.text(&entry()), wanted.map(|text| text.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused_beforehand() {
        use ExpressionError::*;
        for (text, wanted) in [
            ("entry.salary > 3", UnknownField("salary".into())),
            ("person.title == ''", UnknownVariable("person".into())),
            ("entry == 3", UnknownVariable("entry".into())),
            ("entry.title.reverse() == ''", UnknownFunction("reverse".into())),
            ("[1].exists(entry, entry == 1)", Shadowed),
        ] {
            assert_eq!(Expression::compile(text).err(), Some(wanted), "{text}");
        }
        assert!(matches!(Expression::compile("entry.title =="), Err(Syntax(_))));
        assert!(matches!(Expression::compile(""), Err(Syntax(_))));
    }

    #[test]
    fn the_attributes_to_read_are_known() {
        let expression = Expression::compile("entry.title == '' || [1].all(x, has(entry.custom3))").unwrap();
        assert_eq!(expression.attributes(), [Attribute::Title, Attribute::Custom3].into());
    }

    #[test]
    fn what_is_simple_is_known_to_be() {
        for (text, simple) in [
            ("!entry.department.startsWith('Board') && entry.country != 'XX'", true),
            ("entry.domain in ['a.test', 'b.test'] || 'Staff' in entry.memberOf || has(entry.title)", true),
            ("entry.hidden == entry.disabled", true),
            ("entry.department.matches('^B')", false),
            ("entry.memberOf.contains('Staff')", false),
            ("entry.hidden == 'true'", false),
            ("entry.title", false),
            ("size(entry.title) > 3", false),
        ] {
            assert_eq!(Expression::compile(text).unwrap().truth.is_some(), simple, "{text}");
        }
    }

    fn simple_text() -> impl Strategy<Value = String> {
        const TEXTS: &[&str] = &[
            "entry.department",
            "entry['title']",
            "entry.domain",
            "entry.class",
            "entry.recipientType",
            "entry.external",
            "''",
            "'Board'",
            "'Board office'",
            "'user'",
            "'b.test'",
            "'é\\n'",
        ];
        prop::sample::select(TEXTS).prop_map(str::to_owned)
    }

    fn simple_truth() -> impl Strategy<Value = String> {
        let text = simple_text;
        let leaf = prop_oneof![
            prop::sample::select(&["true", "false", "entry.hidden", "has(entry.title)", "has(entry.memberOf)"][..])
                .prop_map(str::to_owned),
            (text(), prop::sample::select(&["startsWith", "endsWith", "contains"][..]), text())
                .prop_map(|(left, name, right)| format!("{left}.{name}({right})")),
            (text(), prop::sample::select(&["==", "!="][..]), text())
                .prop_map(|(left, operator, right)| format!("{left} {operator} {right}")),
            (text(), prop::collection::vec(text(), 0..3))
                .prop_map(|(text, list)| format!("{text} in [{}]", list.join(", "))),
            (text(), prop::sample::select(&["memberOf", "secondary"][..]))
                .prop_map(|(text, list)| format!("{text} in entry.{list}")),
        ];
        leaf.prop_recursive(4, 16, 2, |inner| {
            prop_oneof![
                inner.clone().prop_map(|of| format!("!({of})")),
                (inner.clone(), prop::sample::select(&["&&", "||", "==", "!="][..]), inner)
                    .prop_map(|(left, operator, right)| format!("({left}) {operator} ({right})")),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_simple_is_what_the_evaluator_says(text in simple_truth(), hidden: bool, group: bool, titled: bool) {
            let mut entry = entry();
            entry.hidden = hidden;
            entry.attributes.extend((!titled).then(|| (Attribute::Title, "Board".to_owned())));
            entry.member_of.extend(titled.then(|| "Board office".to_owned()));
            entry.recipient_type = if group { RecipientType::DynamicGroup } else { RecipientType::UserMailbox };
            let mut expression = Expression::compile(&text).unwrap();
            let simple = expression.truth.take().map(|truth| Ok(truth.holds(&entry)));
            prop_assert_eq!(simple, Some(expression.passes(&entry)), "{}", text);
        }
    }
}
