//! OPATH: the filter language of `-Filter`, as far as recipients are searched with it.

use super::error::CmdletError;
use super::properties::{Naming, Shape, Typed, value};
use crate::sandbox::microsoft365::recipient::Recipient;
use jiff::Timestamp;

/// A parsed filter.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Compare { property: &'static str, operator: Operator, value: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    Eq,
    Ne,
    Like,
    NotLike,
    Gt,
    Ge,
    Lt,
    Le,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Open,
    Close,
    /// After a dash: `-eq`, `-and`.
    Word(String),
    Name(String),
    Text(String),
}

/// Deeper filters are refused.
const MAX_DEPTH: usize = 50;

/// `$null` in a comparison.
const NULL: &str = "\u{0}null";

impl Filter {
    pub fn parse(text: &str) -> Result<Self, CmdletError> {
        let wrong = |sentence: String| CmdletError::Filter(sentence);
        let text = text.trim();
        let text = text.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')).unwrap_or(text);
        let tokens = tokens(text).map_err(wrong)?;
        let mut parser = Parser { tokens, at: 0 };
        let filter = parser.any(0).map_err(wrong)?;
        if parser.at < parser.tokens.len() {
            return Err(wrong("Invalid filter syntax: something follows the expression.".to_owned()));
        }
        Ok(filter)
    }

    pub fn matches(&self, recipient: &Recipient, naming: Naming<'_>) -> bool {
        match self {
            Self::And(a, b) => a.matches(recipient, naming) && b.matches(recipient, naming),
            Self::Or(a, b) => a.matches(recipient, naming) || b.matches(recipient, naming),
            Self::Not(inner) => !inner.matches(recipient, naming),
            Self::Compare { property, operator, value: wanted } => {
                let found = value(recipient, property, naming).unwrap_or(Typed::Null);
                compare(property, &found, *operator, wanted)
            }
        }
    }
}

fn compare(property: &str, found: &Typed, operator: Operator, wanted: &str) -> bool {
    match operator {
        Operator::Ne => return !compare(property, found, Operator::Eq, wanted),
        Operator::NotLike => return !compare(property, found, Operator::Like, wanted),
        _ => {}
    }
    if wanted == NULL {
        let empty = match found {
            Typed::Null => true,
            Typed::Text(text) => text.is_empty(),
            Typed::Texts(texts) => texts.is_empty(),
            _ => false,
        };
        return operator == Operator::Eq && empty;
    }
    match found {
        Typed::Null => false,
        Typed::Bool(value) => {
            operator == Operator::Eq && wanted.eq_ignore_ascii_case(if *value { "true" } else { "false" })
        }
        Typed::Guid(guid) => operator == Operator::Eq && wanted.eq_ignore_ascii_case(&guid.to_string()),
        Typed::Time(time) => wanted.parse::<Timestamp>().is_ok_and(|wanted| ordered(operator, time.cmp(&wanted))),
        Typed::Text(text) => texts_match(property, text, operator, wanted),
        Typed::Texts(texts) => texts.iter().any(|text| texts_match(property, text, operator, wanted)),
    }
}

fn texts_match(property: &str, text: &str, operator: Operator, wanted: &str) -> bool {
    let (text, wanted) = (text.to_lowercase(), wanted.to_lowercase());
    // An address is found with its prefix and without it.
    let bare = text.split_once(':').filter(|_| matches!(property, "EmailAddresses" | "ExternalEmailAddress"));
    let forms = std::iter::once(text.as_str()).chain(bare.map(|(_, address)| address));
    match operator {
        Operator::Like => forms.into_iter().any(|form| like(form, &wanted)),
        Operator::Eq => forms.into_iter().any(|form| form == wanted),
        _ => ordered(operator, text.cmp(&wanted)),
    }
}

fn ordered(operator: Operator, order: std::cmp::Ordering) -> bool {
    match operator {
        Operator::Eq => order.is_eq(),
        Operator::Gt => order.is_gt(),
        Operator::Ge => order.is_ge(),
        Operator::Lt => order.is_lt(),
        Operator::Le => order.is_le(),
        _ => false,
    }
}

fn like(text: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => text.starts_with(start),
        None => text == pattern,
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = match first {
            '(' => (Token::Open, 1),
            ')' => (Token::Close, 1),
            '\'' | '"' => quoted(rest, first)?,
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || c == '(' || c == ')').unwrap_or(rest.len());
                let word = &rest[..end];
                let token = match word.strip_prefix('-').filter(|word| !word.is_empty()) {
                    Some(word) => Token::Word(word.to_lowercase()),
                    None => Token::Name(word.to_owned()),
                };
                (token, end)
            }
        };
        tokens.push(token);
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// A text in quotes, doubled quotes within; with its length in the source.
fn quoted(rest: &str, quote: char) -> Result<(Token, usize), String> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((index, c)) = chars.next() {
        if c != quote {
            text.push(c);
        } else if chars.peek().is_some_and(|(_, next)| *next == quote) {
            chars.next();
            text.push(quote);
        } else {
            return Ok((Token::Text(text), index + 1));
        }
    }
    Err("Invalid filter syntax: a quotation mark is not closed.".to_owned())
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Word(found)) if found == word);
        self.at += usize::from(found);
        found
    }

    fn any(&mut self, depth: usize) -> Result<Filter, String> {
        let mut left = self.all(depth)?;
        while self.take_word("or") {
            left = Filter::Or(Box::new(left), Box::new(self.all(depth)?));
        }
        Ok(left)
    }

    fn all(&mut self, depth: usize) -> Result<Filter, String> {
        let mut left = self.one(depth)?;
        while self.take_word("and") {
            left = Filter::And(Box::new(left), Box::new(self.one(depth)?));
        }
        Ok(left)
    }

    fn one(&mut self, depth: usize) -> Result<Filter, String> {
        if depth > MAX_DEPTH {
            return Err("Invalid filter syntax: it is nested too deeply.".to_owned());
        }
        if self.take_word("not") {
            return Ok(Filter::Not(Box::new(self.one(depth + 1)?)));
        }
        match self.next() {
            Some(Token::Open) => {
                let inner = self.any(depth + 1)?;
                match self.next() {
                    Some(Token::Close) => Ok(inner),
                    _ => Err("Invalid filter syntax: a parenthesis is not closed.".to_owned()),
                }
            }
            Some(Token::Name(name)) => self.comparison(&name),
            _ => Err("Invalid filter syntax: a property name is missing.".to_owned()),
        }
    }

    fn comparison(&mut self, name: &str) -> Result<Filter, String> {
        let unknown = || {
            format!(
                "\"{name}\" is not a recognized filterable property. For a complete list of filterable properties see the command help."
            )
        };
        let property = filterable(name).ok_or_else(unknown)?;
        let operator = match self.next() {
            Some(Token::Word(word)) => {
                operator(&word).ok_or_else(|| format!("Invalid filter syntax: -{word} is no operator."))?
            }
            _ => return Err("Invalid filter syntax: an operator is missing.".to_owned()),
        };
        let value = match self.next() {
            Some(Token::Text(text)) => text,
            Some(Token::Name(name)) => match name.to_lowercase().as_str() {
                "$true" => "True".to_owned(),
                "$false" => "False".to_owned(),
                "$null" => NULL.to_owned(),
                number if number.bytes().all(|b| b.is_ascii_digit()) => number.to_owned(),
                _ => return Err(format!("Invalid filter syntax: the value {name} is not in quotation marks.")),
            },
            _ => return Err("Invalid filter syntax: a value is missing.".to_owned()),
        };
        let is_like = matches!(operator, Operator::Like | Operator::NotLike);
        if is_like && value.trim_end_matches('*').contains('*') {
            return Err("Wildcards are permitted at the end of a value only.".to_owned());
        }
        Ok(Filter::Compare { property, operator, value })
    }
}

fn operator(word: &str) -> Option<Operator> {
    Some(match word {
        "eq" => Operator::Eq,
        "ne" => Operator::Ne,
        "like" => Operator::Like,
        "notlike" => Operator::NotLike,
        "gt" => Operator::Gt,
        "ge" => Operator::Ge,
        "lt" => Operator::Lt,
        "le" => Operator::Le,
        _ => return None,
    })
}

/// Properties that can be searched; the primary address is searched by `EmailAddresses`.
fn filterable(name: &str) -> Option<&'static str> {
    const NOT: &[&str] = &["PrimarySmtpAddress", "Identity", "OrganizationId", "AddressListMembership"];
    let known = Shape::Recipient.properties().into_iter().chain(Shape::Contact.properties());
    known.into_iter().find(|known| known.eq_ignore_ascii_case(name) && !NOT.contains(known))
}
