//! What becomes of a parsed expression before it is evaluated: its names are resolved once for all records.

use super::error::ExpressionError;
use super::functions;
use super::record::{FieldType, Record};
use cel::IdedExpr;
use cel::common::ast::{CallExpr, EntryExpr, Expr, ListExpr, LiteralValue, operators};

/// Replaces each `entry.<field>` of a tree by a variable of its own, and refuses what names something that is not
/// there. Returns the fields in the order of their variables.
pub(super) fn resolve_names<R: Record>(tree: &mut IdedExpr) -> Result<Vec<R::Field>, ExpressionError> {
    let mut resolver = Resolver::<R> { fields: Vec::new(), bound: Vec::new(), error: None };
    resolver.walk(tree);
    match resolver.error {
        Some(error) => Err(error),
        None => Ok(resolver.fields),
    }
}

/// The variable of a field; no identifier that one can write looks like it.
fn variable_of(index: usize) -> Expr {
    Expr::Ident(format!("#{index}"))
}

/// Which field a variable stands for.
pub(super) fn index_of(variable: &str) -> Option<usize> {
    variable.strip_prefix('#')?.parse().ok()
}

struct Resolver<R: Record> {
    fields: Vec<R::Field>,
    /// Variables of the macros around the place that is looked at.
    bound: Vec<String>,
    error: Option<ExpressionError>,
}

impl<R: Record> Resolver<R> {
    fn refuse(&mut self, error: ExpressionError) {
        self.error.get_or_insert(error);
    }

    fn field(&mut self, name: &str) -> Option<(R::Field, Expr)> {
        let Some(field) = R::field(name) else {
            self.refuse(ExpressionError::UnknownField { record: R::VARIABLE, field: name.to_owned() });
            return None;
        };
        let index = self.fields.iter().position(|known| *known == field).unwrap_or_else(|| {
            self.fields.push(field);
            self.fields.len() - 1
        });
        Some((field, variable_of(index)))
    }

    fn walk(&mut self, tree: &mut IdedExpr) {
        if let Some((name, test)) = field_of::<R>(&tree.expr) {
            let Some((field, variable)) = self.field(&name) else { return };
            tree.expr = match (test, R::field_type(field) == FieldType::Text) {
                (false, _) => variable,
                // `has(entry.title)`: there is one and it is not empty.
                (true, true) => call(operators::NOT_EQUALS, tree.id, variable, literal("")),
                (true, false) => Expr::Literal(LiteralValue::Boolean(true.into())),
            };
            return;
        }
        match &mut tree.expr {
            Expr::Unspecified | Expr::Literal(_) => {}
            Expr::Ident(name) => {
                if !name.starts_with('@') && !self.bound.contains(name) {
                    let name = name.clone();
                    self.refuse(ExpressionError::UnknownVariable { record: R::VARIABLE, name });
                }
            }
            Expr::Call(call) => self.walk_call(call),
            Expr::Comprehension(loops) => {
                self.walk(&mut loops.iter_range);
                let before = self.bound.len();
                let variables = [Some(&loops.iter_var), loops.iter_var2.as_ref(), Some(&loops.accu_var)];
                self.bound.extend(variables.into_iter().flatten().cloned());
                if self.bound.iter().any(|name| name == R::VARIABLE) {
                    self.refuse(ExpressionError::Shadowed(R::VARIABLE));
                }
                for part in [&mut loops.accu_init, &mut loops.loop_cond, &mut loops.loop_step, &mut loops.result] {
                    self.walk(part);
                }
                self.bound.truncate(before);
            }
            Expr::List(ListExpr { elements, .. }) => elements.iter_mut().for_each(|element| self.walk(element)),
            Expr::Map(map) => map.entries.iter_mut().for_each(|entry| self.walk_entry(&mut entry.expr)),
            Expr::Struct(made) => made.entries.iter_mut().for_each(|entry| self.walk_entry(&mut entry.expr)),
            Expr::Select(select) => self.walk(&mut select.operand),
        }
    }

    fn walk_call(&mut self, call: &mut CallExpr) {
        let name = &call.func_name;
        let is_operator = name.starts_with(['_', '@', '!', '-']);
        if !is_operator && !functions::NAMES.contains(&name.as_str()) {
            let name = name.clone();
            self.refuse(ExpressionError::UnknownFunction(name));
        }
        let receiver = call.target.iter_mut().map(|target| &mut **target);
        receiver.chain(&mut call.args).for_each(|part| self.walk(part));
    }

    fn walk_entry(&mut self, entry: &mut EntryExpr) {
        match entry {
            EntryExpr::StructField(field) => self.walk(&mut field.value),
            EntryExpr::MapEntry(pair) => {
                self.walk(&mut pair.key);
                self.walk(&mut pair.value);
            }
        }
    }
}

/// `entry.title`, `has(entry.title)` (the flag) and `entry["title"]`.
fn field_of<R: Record>(tree: &Expr) -> Option<(String, bool)> {
    let is_record = |tree: &IdedExpr| matches!(&tree.expr, Expr::Ident(name) if name == R::VARIABLE);
    match tree {
        Expr::Select(select) if is_record(&select.operand) => Some((select.field.clone(), select.test)),
        Expr::Call(call) if call.func_name == operators::INDEX => match &call.args[..] {
            [record, IdedExpr { expr: Expr::Literal(LiteralValue::String(name)), .. }] if is_record(record) => {
                Some((name.inner().to_owned(), false))
            }
            _ => None,
        },
        _ => None,
    }
}

fn literal(text: &str) -> Expr {
    Expr::Literal(LiteralValue::String(text.to_owned().into()))
}

fn call(operator: &str, id: u64, left: Expr, right: Expr) -> Expr {
    let args = vec![IdedExpr { id, expr: left }, IdedExpr { id, expr: right }];
    Expr::Call(CallExpr { func_name: operator.to_owned(), target: None, args })
}
