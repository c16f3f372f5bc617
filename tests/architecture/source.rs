//! Rust files as the rules see them: the paths that the code of a file names, spelled out, with their lines.
//!
//! What stands behind `#[cfg(test)]` does not ship and is left out, wherever in a file it stands; comments and texts
//! name nothing. A `use` tree gives each of its leaves; `self`, `super` and names that a `use` brought in are spelled
//! out, so that neither a group nor an alias hides what is named.

use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use syn::visit::{self, Visit};

/// A module of a crate: the path of names from the crate's root.
pub type ModulePath = Vec<String>;

/// A path that a file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub line: usize,
    /// `crate` first where it is ours, else the name of a crate or of something local.
    pub path: Vec<String>,
    pub how: How,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// By a `use` that only this file sees.
    Import,
    /// By a `use` that others see: what it names is passed on, not used.
    Export,
    /// In the code itself.
    Code,
}

/// A source file that ships.
#[derive(Debug)]
pub struct Source {
    /// From the folder of the crate, for people to read.
    pub file: PathBuf,
    pub module: ModulePath,
    pub names: Vec<Named>,
    /// What the file passes on: the name, and the path behind it.
    pub exports: BTreeMap<String, Vec<String>>,
    /// Lines on which something is `async`.
    pub asynchronous: Vec<usize>,
    /// Lines that ship.
    pub lines: usize,
}

/// All files of a crate that ship, by the `mod` items from its root on.
pub fn crate_at(root: &Path) -> Vec<Source> {
    let mut sources = Vec::new();
    let mut open = vec![(root.join("lib.rs"), Vec::new())];
    while let Some((file, module)) = open.pop() {
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let (source, children) = parse(&file, module, &text);
        for child in children {
            let folder = child.iter().fold(root.to_owned(), |folder, name| folder.join(name));
            let beside = folder.with_extension("rs");
            open.push((if beside.exists() { beside } else { folder.join("mod.rs") }, child));
        }
        sources.push(source);
    }
    sources.sort_by(|one, other| one.file.cmp(&other.file));
    sources
}

/// One file, and the modules that it declares in other files.
pub fn parse(file: &Path, module: ModulePath, text: &str) -> (Source, Vec<ModulePath>) {
    let syntax = syn::parse_file(text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut reader = Reader { module: module.clone(), ..Reader::default() };
    reader.visit_file(&syntax);
    let Reader { mut names, aliases, mut exports, children, asynchronous, hidden, locals, .. } = reader;
    let spell_out = |path: &mut Vec<String>| {
        let first = path[0].clone();
        if let Some(behind) = aliases.get(&first).filter(|behind| **behind != *path) {
            path.splice(..1, behind.iter().cloned());
        }
        if locals.contains(&path[0]) {
            let own = ["crate".to_owned()].into_iter().chain(module.iter().cloned());
            path.splice(..0, own);
        }
    };
    names.iter_mut().for_each(|named| spell_out(&mut named.path));
    exports.values_mut().for_each(spell_out);
    let lines = text.lines().count() - hidden;
    (Source { file: file.to_owned(), module, names, exports, asynchronous, lines }, children)
}

#[derive(Default)]
struct Reader {
    /// Where we are, modules within the file included.
    module: ModulePath,
    names: Vec<Named>,
    /// What a `use` brought in: the name by which the file knows it, and its path.
    aliases: BTreeMap<String, Vec<String>>,
    exports: BTreeMap<String, Vec<String>>,
    /// Modules that the file declares.
    children: Vec<ModulePath>,
    locals: BTreeSet<String>,
    asynchronous: Vec<usize>,
    /// Lines behind `#[cfg(test)]`.
    hidden: usize,
}

impl Reader {
    /// `self` and `super` spelled out.
    fn absolute(&self, path: Vec<String>) -> Vec<String> {
        let mut module = self.module.clone();
        let mut rest = path.as_slice();
        match rest.first().map(String::as_str) {
            Some("self") => rest = &rest[1..],
            Some("super") => {}
            _ => return path,
        }
        while rest.first().is_some_and(|first| first == "super") {
            module.pop();
            rest = &rest[1..];
        }
        ["crate".to_owned()].into_iter().chain(module).chain(rest.iter().cloned()).collect()
    }

    fn name(&mut self, line: usize, path: Vec<String>, how: How) {
        let path = self.absolute(path);
        self.names.push(Named { line, path, how });
    }

    fn use_tree(&mut self, tree: &syn::UseTree, mut prefix: Vec<String>, how: How) {
        match tree {
            syn::UseTree::Path(path) => {
                prefix.push(path.ident.to_string());
                self.use_tree(&path.tree, prefix, how);
            }
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|item| self.use_tree(item, prefix.clone(), how));
            }
            syn::UseTree::Name(name) => self.bring(name.ident.to_string(), None, prefix, name.ident.span(), how),
            syn::UseTree::Rename(rename) => {
                let alias = Some(rename.rename.to_string());
                self.bring(rename.ident.to_string(), alias, prefix, rename.ident.span(), how);
            }
            syn::UseTree::Glob(glob) => {
                let line = glob.star_token.spans[0].start().line;
                prefix.push("*".to_owned());
                self.name(line, prefix, how);
            }
        }
    }

    fn bring(&mut self, name: String, alias: Option<String>, mut path: Vec<String>, span: proc_macro2::Span, how: How) {
        let known = alias
            .unwrap_or_else(|| if name == "self" { path.last().cloned().unwrap_or_default() } else { name.clone() });
        // `use a::b::{self}` names `a::b`.
        if name != "self" || path.is_empty() {
            path.push(name);
        }
        self.name(span.start().line, path.clone(), how);
        let path = self.absolute(path);
        if how == How::Export {
            self.exports.insert(known.clone(), path.clone());
        }
        if path.len() > 1 || path[0] != known {
            self.aliases.insert(known, path);
        }
    }

    /// Paths within what a macro is given: its syntax is its own, but names are names.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut line = 0;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' && !path.is_empty() => {
                    colons += 1;
                    continue;
                }
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.flush(line, &mut path);
                    }
                    if path.is_empty() {
                        line = ident.span().start().line;
                    }
                    if ident == "await" || ident == "async" {
                        self.asynchronous.push(ident.span().start().line);
                    }
                    path.push(ident.to_string());
                }
                TokenTree::Punct(punct) => {
                    if punct.as_char() == '!' && path.len() == 1 {
                        path[0].push('!');
                        self.name(line, std::mem::take(&mut path), How::Code);
                    }
                    self.flush(line, &mut path);
                }
                TokenTree::Group(group) => {
                    self.flush(line, &mut path);
                    self.tokens(group.stream());
                }
                TokenTree::Literal(_) => self.flush(line, &mut path),
            }
            colons = 0;
        }
        self.flush(line, &mut path);
    }

    fn flush(&mut self, line: usize, path: &mut Vec<String>) {
        let path = std::mem::take(path);
        if !path.is_empty() {
            self.name(line, path, How::Code);
        }
    }
}

/// `#[cfg(test)]`, also within `all(…)`.
fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        let syn::Meta::List(list) = &attribute.meta else { return false };
        let tokens = list.tokens.to_string();
        list.path.is_ident("cfg")
            && (tokens == "test" || tokens.starts_with("all (test") || tokens.starts_with("all(test"))
    })
}

fn attributes_of(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Enum(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Macro(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Static(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Trait(item) => &item.attrs,
        syn::Item::Type(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn lines_of(node: &impl syn::spanned::Spanned) -> usize {
    let span = node.span();
    span.end().line + 1 - span.start().line
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if is_test(attributes_of(item)) {
            self.hidden += lines_of(item);
        } else {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        let attributes = match item {
            syn::ImplItem::Fn(item) => item.attrs.as_slice(),
            syn::ImplItem::Const(item) => &item.attrs,
            _ => &[],
        };
        if is_test(attributes) {
            self.hidden += lines_of(item);
        } else {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let name = item.ident.to_string();
        self.locals.insert(name.clone());
        self.module.push(name);
        match &item.content {
            Some((_, items)) => items.iter().for_each(|item| self.visit_item(item)),
            None => self.children.push(self.module.clone()),
        }
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let how = if matches!(item.vis, syn::Visibility::Inherited) { How::Import } else { How::Export };
        self.use_tree(&item.tree, Vec::new(), how);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {
        // `pub(in crate::…)` uses nothing.
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let line = path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
        self.name(line, path.segments.iter().map(|segment| segment.ident.to_string()).collect(), How::Code);
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let line = call.path.segments.first().map_or(0, |segment| segment.ident.span().start().line);
        let mut path: Vec<String> = call.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if let [only] = path.as_mut_slice() {
            only.push('!');
        }
        self.name(line, path, How::Code);
        self.tokens(call.tokens.clone());
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        // The arms of `macro_rules!` are tokens as well.
        self.visit_macro(&item.mac);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("doc") {
            return;
        }
        let line = attribute.pound_token.spans[0].start().line;
        let path = attribute.path().segments.iter().map(|segment| segment.ident.to_string()).collect();
        self.name(line, path, How::Code);
        if let syn::Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone());
        }
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        if let Some(token) = signature.asyncness {
            self.asynchronous.push(token.span.start().line);
        }
        visit::visit_signature(self, signature);
    }

    fn visit_expr_async(&mut self, block: &'ast syn::ExprAsync) {
        self.asynchronous.push(block.async_token.span.start().line);
        visit::visit_expr_async(self, block);
    }

    fn visit_expr_await(&mut self, expression: &'ast syn::ExprAwait) {
        self.asynchronous.push(expression.await_token.span.start().line);
        visit::visit_expr_await(self, expression);
    }

    fn visit_expr_closure(&mut self, closure: &'ast syn::ExprClosure) {
        if let Some(token) = closure.asyncness {
            self.asynchronous.push(token.span.start().line);
        }
        visit::visit_expr_closure(self, closure);
    }
}
