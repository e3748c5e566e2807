//! Operators of expressions, by Calcite's precedences (`SqlStdOperatorTable`,
//! `SqlParserUtil.toTree`): the higher number binds closer, all associate to the left.
//!
//! | operators | precedence |
//! |---|---|
//! | `.` `[]` | 100 |
//! | unary `+` `-` | 80 |
//! | `*` `/` `%` `||` | 60 |
//! | binary `+` `-`, `IS [NOT] DISTINCT FROM` | 40 |
//! | `BETWEEN`, `IN`, `LIKE`, `SIMILAR TO`, quantified comparisons | 32 |
//! | comparisons, `MEMBER OF`, `SUBMULTISET OF`, period predicates | 30 |
//! | `IS NULL` and its like | 28 |
//! | `NOT` | 26 |
//! | `AND` | 24 |
//! | `OR` | 22 |
//! | `MULTISET INTERSECT` | 18 |
//! | `MULTISET UNION`, `MULTISET EXCEPT` | 14 |

use super::ast::{
    BinaryOp, Expr, ExprKind, IsTest, LikeKind, QuantifiedRight, Quantifier, UnaryOp,
};
use super::error::{ParseError, Result};
use super::parser::Parser;
use super::token::TokenKind;

/// How close an operator binds.
type Precedence = u8;

const UNARY: Precedence = 80;
const PREDICATE: Precedence = 32;
const POSTFIX: Precedence = 28;
const NOT: Precedence = 26;
const AND: Precedence = 24;

impl Parser<'_> {
    /// Any expression.
    pub(super) fn expr(&mut self) -> Result<Expr> {
        self.expr_above(0)
    }

    /// An expression of operators that bind closer than `floor`.
    fn expr_above(&mut self, floor: Precedence) -> Result<Expr> {
        self.nested(|p| {
            let mut left = p.prefix()?;
            let mut chain = 0;
            loop {
                chain += 1;
                p.check_chain(chain)?;
                match p.operator_above(left, floor)? {
                    Step::Went(expr) => left = expr,
                    Step::Stopped(expr) => return Ok(expr),
                }
            }
        })
    }

    fn prefix(&mut self) -> Result<Expr> {
        let start = self.span();
        let (op, precedence) = match self.kind() {
            TokenKind::Symbol("+") => (UnaryOp::Plus, UNARY),
            TokenKind::Symbol("-") => (UnaryOp::Minus, UNARY),
            _ if self.peek_word("NOT") => (UnaryOp::Not, NOT),
            _ => return self.primary(),
        };
        self.bump();
        let expr = Box::new(self.expr_above(precedence - 1)?);
        Ok(Expr::new(ExprKind::Unary { op, expr }, self.span_from(start)))
    }

    /// Applies the next operator if it binds closer than `floor`.
    fn operator_above(&mut self, left: Expr, floor: Precedence) -> Result<Step> {
        if self.peek_symbol("!=") {
            return Err(ParseError::new("Flink SQL does not know `!=`", self.span())
                .with_hint("write `<>` for \"not equal\""));
        }
        if let Some(found) = self.peek_binary() {
            if found.precedence <= floor {
                return Ok(Step::Stopped(left));
            }
            return self.binary(left, found).map(Step::Went);
        }
        if self.peek_word("IS") {
            if POSTFIX <= floor {
                return Ok(Step::Stopped(left));
            }
            return self.is_test(left).map(Step::Went);
        }
        let negated = self.peek_word("NOT");
        let ahead = usize::from(negated);
        let is_predicate = ["BETWEEN", "IN", "LIKE", "ILIKE", "RLIKE", "SIMILAR"]
            .iter()
            .any(|word| self.peek_word_at(ahead, word));
        if !is_predicate || PREDICATE <= floor {
            return Ok(Step::Stopped(left));
        }
        if negated {
            self.bump();
        }
        self.predicate(left, negated).map(Step::Went)
    }

    fn binary(&mut self, left: Expr, found: Found) -> Result<Expr> {
        let start = self.span();
        (0..found.words).for_each(|_| {
            self.bump();
        });
        let op_span = self.span_from(start);
        if is_comparison(found.op)
            && let Some(quantifier) = self.peek_quantifier()
        {
            self.bump();
            return self.quantified(left, found.op, quantifier);
        }
        let right = self.expr_above(found.precedence)?;
        let span = left.span.to(right.span);
        let (left, right) = (Box::new(left), Box::new(right));
        Ok(Expr::new(ExprKind::Binary { op: found.op, op_span, left, right }, span))
    }

    fn peek_quantifier(&self) -> Option<Quantifier> {
        if !self.peek_symbol_at(1, "(") {
            return None;
        }
        match () {
            () if self.peek_any(&["SOME", "ANY"]) => Some(Quantifier::Any),
            () if self.peek_word("ALL") => Some(Quantifier::All),
            () => None,
        }
    }

    fn quantified(&mut self, left: Expr, op: BinaryOp, quantifier: Quantifier) -> Result<Expr> {
        self.expect_symbol("(")?;
        let right = match self.query_or_list()? {
            QueryOrList::Query(query) => QuantifiedRight::Query(query),
            QueryOrList::List(list) => QuantifiedRight::List(list),
        };
        self.expect_symbol(")")?;
        let span = self.span_from(left.span);
        let left = Box::new(left);
        Ok(Expr::new(ExprKind::Quantified { left, op, quantifier, right }, span))
    }

    /// The inside of parentheses that may be one query or a list of values.
    pub(super) fn query_or_list(&mut self) -> Result<QueryOrList> {
        if self.peek_query_start() {
            return Ok(QueryOrList::Query(Box::new(self.query()?)));
        }
        let mut list = self.comma_list(Self::expr)?;
        if list.len() == 1
            && let Some(only) = list.pop()
        {
            return Ok(match self.query_after_subquery(only)? {
                Ok(query) => QueryOrList::Query(query),
                Err(expr) => QueryOrList::List(vec![expr]),
            });
        }
        Ok(QueryOrList::List(list))
    }

    fn predicate(&mut self, left: Expr, negated: bool) -> Result<Expr> {
        if self.peek_word("BETWEEN") {
            return self.between(left, negated);
        }
        if self.peek_word("IN") {
            return self.in_predicate(left, negated);
        }
        let kind = match () {
            () if self.peek_word("LIKE") => LikeKind::Like,
            () if self.peek_word("ILIKE") => LikeKind::Ilike,
            () if self.peek_word("RLIKE") => LikeKind::Rlike,
            () => LikeKind::SimilarTo,
        };
        self.bump();
        if kind == LikeKind::SimilarTo {
            self.expect("TO")?;
        }
        let pattern = Box::new(self.expr_above(PREDICATE)?);
        let escape = match self.eat_quietly("ESCAPE") {
            true => Some(Box::new(self.primary()?)),
            false => None,
        };
        let span = self.span_from(left.span);
        let expr = Box::new(left);
        Ok(Expr::new(ExprKind::Like { expr, pattern, escape, kind, negated }, span))
    }

    fn between(&mut self, left: Expr, negated: bool) -> Result<Expr> {
        self.bump();
        let symmetric = self.eat_quietly("SYMMETRIC");
        if !symmetric {
            self.eat_quietly("ASYMMETRIC");
        }
        let low = Box::new(self.expr_above(AND)?);
        self.expect("AND")?;
        let high = Box::new(self.expr_above(PREDICATE)?);
        let span = self.span_from(left.span);
        let expr = Box::new(left);
        Ok(Expr::new(ExprKind::Between { expr, low, high, symmetric, negated }, span))
    }

    fn in_predicate(&mut self, left: Expr, negated: bool) -> Result<Expr> {
        self.bump();
        self.expect_symbol("(")?;
        let content = self.query_or_list()?;
        self.expect_symbol(")")?;
        let span = self.span_from(left.span);
        let expr = Box::new(left);
        let kind = match content {
            QueryOrList::Query(query) => ExprKind::InSubquery { expr, query, negated },
            QueryOrList::List(list) => ExprKind::InList { expr, list, negated },
        };
        Ok(Expr::new(kind, span))
    }

    fn is_test(&mut self, left: Expr) -> Result<Expr> {
        self.expect("IS")?;
        let negated = self.eat("NOT");
        let test = self.is_test_kind()?;
        let span = self.span_from(left.span);
        Ok(Expr::new(ExprKind::Is { expr: Box::new(left), test, negated }, span))
    }

    fn is_test_kind(&mut self) -> Result<IsTest> {
        let simple = [
            ("NULL", IsTest::Null),
            ("TRUE", IsTest::True),
            ("FALSE", IsTest::False),
            ("UNKNOWN", IsTest::Unknown),
            ("EMPTY", IsTest::Empty),
        ];
        for (word, test) in simple {
            if self.eat(word) {
                return Ok(test);
            }
        }
        self.note("DISTINCT FROM");
        if self.peek_words(&["A", "SET"]) {
            self.bump();
            self.bump();
            return Ok(IsTest::ASet);
        }
        self.expect("JSON")?;
        let kinds = [
            ("VALUE", IsTest::JsonValue),
            ("OBJECT", IsTest::JsonObject),
            ("ARRAY", IsTest::JsonArray),
            ("SCALAR", IsTest::JsonScalar),
        ];
        let found = kinds.iter().find(|(word, _)| self.peek_word(word));
        if found.is_some() {
            self.bump();
        }
        Ok(found.map_or(IsTest::JsonValue, |(_, test)| *test))
    }

    /// The binary operator that comes next.
    fn peek_binary(&self) -> Option<Found> {
        let found = |op, precedence, words| Some(Found { op, precedence, words });
        use BinaryOp::*;
        match self.kind() {
            TokenKind::Symbol(symbol) => {
                let (op, precedence) = match symbol {
                    "=" => (Eq, 30),
                    "<>" => (NotEq, 30),
                    "<" => (Lt, 30),
                    "<=" => (LtEq, 30),
                    ">" => (Gt, 30),
                    ">=" => (GtEq, 30),
                    "+" => (Plus, 40),
                    "-" => (Minus, 40),
                    "*" => (Multiply, 60),
                    "/" => (Divide, 60),
                    "%" => (Modulo, 60),
                    "||" => (Concat, 60),
                    _ => return None,
                };
                found(op, precedence, 1)
            }
            TokenKind::Word { reserved } => {
                let phrase = WORD_OPERATORS
                    .iter()
                    .filter(|_| reserved || self.peek_any(&["IMMEDIATELY"]))
                    .find(|phrase| self.peek_words(phrase.words))?;
                found(phrase.op, phrase.precedence, phrase.words.len())
            }
            _ => None,
        }
    }
}

/// One query, or values.
pub(super) enum QueryOrList {
    Query(Box<super::ast::Query>),
    List(Vec<Expr>),
}

/// Whether an operator was applied.
enum Step {
    Went(Expr),
    Stopped(Expr),
}

/// A binary operator that comes next.
struct Found {
    op: BinaryOp,
    precedence: Precedence,
    words: usize,
}

/// Operators written in words; of two with the same start the longer one first.
struct Phrase {
    words: &'static [&'static str],
    op: BinaryOp,
    precedence: Precedence,
}

const fn phrase(words: &'static [&'static str], op: BinaryOp, precedence: Precedence) -> Phrase {
    Phrase { words, op, precedence }
}

static WORD_OPERATORS: &[Phrase] = &[
    phrase(&["AND"], BinaryOp::And, AND),
    phrase(&["OR"], BinaryOp::Or, 22),
    phrase(&["IS", "DISTINCT", "FROM"], BinaryOp::IsDistinctFrom, 40),
    phrase(&["IS", "NOT", "DISTINCT", "FROM"], BinaryOp::IsNotDistinctFrom, 40),
    phrase(&["MEMBER", "OF"], BinaryOp::MemberOf, 30),
    phrase(&["SUBMULTISET", "OF"], BinaryOp::SubmultisetOf, 30),
    phrase(&["OVERLAPS"], BinaryOp::Overlaps, 30),
    phrase(&["CONTAINS"], BinaryOp::Contains, 30),
    phrase(&["EQUALS"], BinaryOp::PeriodEquals, 30),
    phrase(&["PRECEDES"], BinaryOp::Precedes, 30),
    phrase(&["SUCCEEDS"], BinaryOp::Succeeds, 30),
    phrase(&["IMMEDIATELY", "PRECEDES"], BinaryOp::ImmediatelyPrecedes, 30),
    phrase(&["IMMEDIATELY", "SUCCEEDS"], BinaryOp::ImmediatelySucceeds, 30),
    phrase(&["MULTISET", "UNION", "DISTINCT"], BinaryOp::MultisetUnionDistinct, 14),
    phrase(&["MULTISET", "UNION", "ALL"], BinaryOp::MultisetUnionAll, 14),
    phrase(&["MULTISET", "UNION"], BinaryOp::MultisetUnionAll, 14),
    phrase(&["MULTISET", "INTERSECT", "DISTINCT"], BinaryOp::MultisetIntersectDistinct, 18),
    phrase(&["MULTISET", "INTERSECT", "ALL"], BinaryOp::MultisetIntersectAll, 18),
    phrase(&["MULTISET", "INTERSECT"], BinaryOp::MultisetIntersectAll, 18),
    phrase(&["MULTISET", "EXCEPT", "DISTINCT"], BinaryOp::MultisetExceptDistinct, 14),
    phrase(&["MULTISET", "EXCEPT", "ALL"], BinaryOp::MultisetExceptAll, 14),
    phrase(&["MULTISET", "EXCEPT"], BinaryOp::MultisetExceptAll, 14),
];

fn is_comparison(op: BinaryOp) -> bool {
    use BinaryOp::*;
    matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq)
}
