use super::*;
use crate::model::entry_field::{EntryCondition, EntryText};
use crate::model::{Anchor, Attribute, Entry, RecipientType, SmtpAddress};
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
        ("entry.memberOf[0]", Err(Failed)),
        ("entry.department < 3", Err(Failed)),
        ("int(entry.department) > 3", Err(Failed)),
    ] {
        let expression = EntryCondition::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(expression.evaluate(&entry()), wanted, "{text}");
    }
}

#[test]
fn texts_for_a_mapping() {
    for (text, wanted) in [
        ("entry.title.trim() + ' ' + entry.department", Ok(Some("Dr Board office"))),
        ("entry.company", Ok(None)),
        ("null", Ok(None)),
        ("entry.title.replace('Dr', 'Prof')", Ok(Some(" Prof "))),
        ("[1][0]", Err(Failed)),
    ] {
        let expression = EntryText::parse(text).unwrap();
        assert_eq!(expression.evaluate(&entry()), wanted.map(|text| text.map(str::to_owned)), "{text}");
    }
}

#[test]
fn what_cannot_work_is_refused_beforehand() {
    use ExpressionError::*;
    let record = "entry";
    for (text, wanted) in [
        ("entry.salary > 3", UnknownField { record, field: "salary".into() }),
        ("person.title == ''", UnknownVariable { record, name: "person".into() }),
        ("entry == 3", UnknownVariable { record, name: "entry".into() }),
        ("entry.title.reverse() == ''", UnknownFunction("reverse".into())),
        ("[1].exists(entry, entry == 1)", Shadowed("entry")),
    ] {
        assert_eq!(EntryCondition::parse(text).err(), Some(wanted), "{text}");
    }
    assert!(matches!(EntryCondition::parse("entry.title =="), Err(Syntax(_))));
    assert!(matches!(EntryCondition::parse(""), Err(Syntax(_))));
}

#[test]
fn what_gives_the_wrong_type_is_refused_beforehand() {
    for (text, found) in [
        ("entry.department", Type::Text),
        ("entry.department.trim()", Type::Text),
        ("entry.department + 'x'", Type::Text),
        ("entry.hidden ? true : 'no'", Type::Text),
        ("entry.memberOf", Type::List),
        ("entry.memberOf.filter(g, g != '')", Type::List),
        ("size(entry.title) - 1", Type::Number),
        ("null", Type::Null),
        ("{'a': true}", Type::Other),
    ] {
        let refused = ExpressionError::WrongType { wanted: Type::Boolean, found };
        assert_eq!(EntryCondition::parse(text).err(), Some(refused), "{text}");
    }
    for (text, found) in [
        ("1", Type::Number),
        ("entry.hidden", Type::Boolean),
        ("entry.title in ['a']", Type::Boolean),
        ("entry.memberOf.exists(g, g == 'a')", Type::Boolean),
        ("entry.memberOf.exists_one(g, g == 'a')", Type::Boolean),
        ("entry.secondary", Type::List),
    ] {
        let refused = ExpressionError::WrongType { wanted: Type::Text, found };
        assert_eq!(EntryText::parse(text).err(), Some(refused), "{text}");
    }
    for fine in ["entry.hidden ? null : entry.title", "entry.memberOf[0]", "entry.memberOf.map(g, g)[0]"] {
        EntryText::parse(fine).unwrap_or_else(|error| panic!("{fine}: {error}"));
    }
}

#[test]
fn serialized_it_is_its_text() {
    let text = "entry.title  ==\t'x' ";
    let expression = EntryCondition::parse(text).unwrap();
    assert_eq!(serde_json::to_value(&expression).unwrap(), text);
    assert_eq!(serde_json::from_value::<EntryCondition>(text.into()).unwrap(), expression);
    let refused = serde_json::from_value::<EntryCondition>("entry.salary".into()).unwrap_err();
    assert!(refused.to_string().contains("entry has no field \"salary\""), "{refused}");
}

#[test]
fn the_attributes_to_read_are_known() {
    let expression = EntryCondition::parse("entry.title == '' || [1].all(x, has(entry.custom3))").unwrap();
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
        ("size(entry.title) > 3", false),
    ] {
        assert_eq!(EntryCondition::parse(text).unwrap().parsed.predicate.is_some(), simple, "{text}");
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

fn simple_condition() -> impl Strategy<Value = String> {
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
    fn what_is_simple_is_what_the_evaluator_says(text in simple_condition(), hidden: bool, group: bool, titled: bool) {
        let mut entry = entry();
        entry.hidden = hidden;
        entry.attributes.extend((!titled).then(|| (Attribute::Title, "Board".to_owned())));
        entry.member_of.extend(titled.then(|| "Board office".to_owned()));
        entry.recipient_type = if group { RecipientType::DynamicGroup } else { RecipientType::UserMailbox };
        let expression = EntryCondition::parse(&text).unwrap();
        let simple = expression.parsed.predicate.as_ref().map(|predicate| Ok(predicate.holds(&entry)));
        prop_assert_eq!(simple, Some(expression.interpret(&entry)), "{}", text);
    }
}
