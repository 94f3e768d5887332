//! Finds the nodes of the syntax tree that mutants change.

use crate::Mutant;
use crate::edit::{Change, Place};
use proc_macro2::Span;
use std::collections::HashSet;
use std::mem::{replace, take};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Block, Expr, Signature, UnOp};

/// The changes of a file, and the mutants that have none, with a reason.
pub fn find(
    text: &str,
    mutants: &[Mutant],
    constant: &HashSet<String>,
) -> (Vec<Place>, Vec<(u64, &'static str)>) {
    let file = syn::parse_file(text).expect("Rust");
    let mut finder =
        Finder { mutants, constant, places: Vec::new(), refused: Vec::new(), is_constant: false };
    finder.visit_file(&file);
    let Finder { places, mut refused, .. } = finder;
    let mut found: HashSet<u64> = refused.iter().map(|&(id, _)| id).collect();
    ids(&places, &mut found);
    refused.extend(
        mutants.iter().filter(|mutant| !found.contains(&mutant.id)).map(|mutant| (mutant.id, "not found")),
    );
    (places, refused)
}

fn ids(places: &[Place], into: &mut HashSet<u64>) {
    for place in places {
        match &place.change {
            Change::Binary { alternatives, .. }
            | Change::Guard { alternatives }
            | Change::Body { alternatives } => {
                into.extend(alternatives.iter().map(|&(id, _)| id));
            }
            Change::Fields { alternatives } => into.extend(alternatives.iter().map(|&(id, _)| id)),
            Change::Unary { id, .. } | Change::Arm { id } => _ = into.insert(*id),
            Change::Removal => {}
        }
        ids(&place.inner, into);
    }
}

struct Finder<'a> {
    mutants: &'a [Mutant],
    constant: &'a HashSet<String>,
    /// Those of the node that is being visited.
    places: Vec<Place>,
    refused: Vec<(u64, &'static str)>,
    /// Whether this code runs in the compiler, where nothing can be switched.
    is_constant: bool,
}

impl Finder<'_> {
    fn at(&self, span: Span, genre: &str) -> Vec<(u64, String)> {
        let start = (span.start().line, span.start().column + 1);
        let here = self.mutants.iter().filter(|mutant| mutant.start == start && mutant.genre == genre);
        here.map(|mutant| (mutant.id, mutant.replacement.clone())).collect()
    }

    /// Visits a node's inside; its change, if it has one, then holds the changes that were found there.
    fn enclose(&mut self, ids: &[u64], make: impl FnOnce() -> Place, visit_inside: impl FnOnce(&mut Self)) {
        if ids.is_empty() {
            return visit_inside(self);
        }
        if self.is_constant {
            self.refused.extend(ids.iter().map(|&id| (id, "constant")));
            return visit_inside(self);
        }
        let outside = take(&mut self.places);
        visit_inside(self);
        let inner = replace(&mut self.places, outside);
        self.places.push(Place { inner, ..make() });
    }

    fn point(&mut self, at: usize, ids: &[u64], change: Change) {
        self.enclose(ids, || Place { bytes: at..at, change, inner: Vec::new() }, |_| {});
    }

    fn in_constant(&mut self, is_constant: bool, visit_inside: impl FnOnce(&mut Self)) {
        let before = replace(&mut self.is_constant, is_constant);
        visit_inside(self);
        self.is_constant = before;
    }

    fn function(&mut self, signature: &Signature, block: &Block, visit_inside: impl FnOnce(&mut Self)) {
        let stays = signature.constness.is_some() && self.constant.contains(&signature.ident.to_string());
        let (is_constant, before) = (self.is_constant, self.places.len());
        self.in_constant(stays || is_constant, |finder| {
            let alternatives =
                block.stmts.first().map_or(Vec::new(), |first| finder.at(first.span(), "FnValue"));
            if let Some(first) = block.stmts.first() {
                let numbers: Vec<u64> = alternatives.iter().map(|&(id, _)| id).collect();
                finder.point(first.span().byte_range().start, &numbers, Change::Body { alternatives });
            }
            visit_inside(finder);
        });
        // A function with switches cannot be `const`; whether it has to be, the compiler says.
        if let (Some(token), false, true) = (signature.constness, stays, self.places.len() > before) {
            let bytes = token.span().byte_range();
            self.places.insert(before, Place { bytes, change: Change::Removal, inner: Vec::new() });
        }
    }
}

/// Whether an operand of `&&` binds variables.
fn has_let(expression: &Expr) -> bool {
    match expression {
        Expr::Let(_) => true,
        Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

/// Visitors of what is evaluated at compile time, where no switch can stand.
macro_rules! in_constants {
    ($($visit:ident $node:ident,)*) => {
        $(fn $visit(&mut self, node: &'ast syn::$node) {
            self.in_constant(true, |finder| visit::$visit(finder, node));
        })*
    };
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block, |finder| visit::visit_item_fn(finder, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block, |finder| visit::visit_impl_item_fn(finder, item));
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        match &item.default {
            Some(block) => self.function(&item.sig, block, |finder| visit::visit_trait_item_fn(finder, item)),
            None => visit::visit_trait_item_fn(self, item),
        }
    }

    in_constants! {
        visit_item_const ItemConst,
        visit_item_static ItemStatic,
        visit_impl_item_const ImplItemConst,
        visit_trait_item_const TraitItemConst,
        visit_variant Variant,
        visit_type_array TypeArray,
        visit_generic_argument GenericArgument,
        visit_expr_const ExprConst,
    }

    fn visit_expr_repeat(&mut self, repeat: &'ast syn::ExprRepeat) {
        self.visit_expr(&repeat.expr);
        self.in_constant(true, |finder| finder.visit_expr(&repeat.len));
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        let alternatives = self.at(binary.op.span(), "BinaryOperator");
        let numbers: Vec<u64> = alternatives.iter().map(|&(id, _)| id).collect();
        if has_let(&binary.left) || has_let(&binary.right) {
            self.refused.extend(numbers.iter().map(|&id| (id, "chain of let")));
            return visit::visit_expr_binary(self, binary);
        }
        let (left, right) = (binary.left.span().byte_range(), binary.right.span().byte_range());
        let bytes = left.start..right.end;
        let operator = binary.op.span().source_text().expect("an operator");
        let change = Change::Binary { left, operator, right, alternatives };
        let make = || Place { bytes, change, inner: Vec::new() };
        self.enclose(&numbers, make, |finder| visit::visit_expr_binary(finder, binary));
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        let operator = match unary.op {
            UnOp::Not(_) => "!",
            UnOp::Neg(_) => "-",
            _ => return visit::visit_expr_unary(self, unary),
        };
        let numbers: Vec<u64> =
            self.at(unary.op.span(), "UnaryOperator").into_iter().map(|(id, _)| id).collect();
        let operand = unary.expr.span().byte_range();
        let bytes = unary.op.span().byte_range().start..operand.end;
        let make = || {
            let change = Change::Unary { operator: operator.into(), operand, id: numbers[0] };
            Place { bytes, change, inner: Vec::new() }
        };
        self.enclose(&numbers, make, |finder| visit::visit_expr_unary(finder, unary));
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        let end = arm.pat.span().byte_range().end;
        self.visit_pat(&arm.pat);
        for (id, _) in self.at(arm.span(), "MatchArm") {
            self.point(end, &[id], Change::Arm { id });
        }
        if let Some((_, guard)) = &arm.guard {
            let alternatives = self.at(guard.span(), "MatchArmGuard");
            let numbers: Vec<u64> = alternatives.iter().map(|&(id, _)| id).collect();
            let bytes = guard.span().byte_range();
            let make = || Place { bytes, change: Change::Guard { alternatives }, inner: Vec::new() };
            self.enclose(&numbers, make, |finder| finder.visit_expr(guard));
        }
        self.visit_expr(&arm.body);
    }

    fn visit_expr_struct(&mut self, literal: &'ast syn::ExprStruct) {
        let mut alternatives = Vec::new();
        for pair in literal.fields.pairs() {
            let field = pair.value().span();
            let end = pair.punct().map_or(field, |comma| comma.span()).byte_range().end;
            let here = self.at(field, "StructField");
            alternatives.extend(here.into_iter().map(|(id, _)| (id, field.byte_range().start..end)));
        }
        let numbers: Vec<u64> = alternatives.iter().map(|&(id, _)| id).collect();
        let bytes = literal.span().byte_range();
        let make = || Place { bytes, change: Change::Fields { alternatives }, inner: Vec::new() };
        self.enclose(&numbers, make, |finder| visit::visit_expr_struct(finder, literal));
    }
}
