//! `MATCH_RECOGNIZE`.

use super::ast::{
    AfterMatch, MatchRecognize, Measure, Pattern, PatternDefine, PatternSubset, TableRef,
};
use super::error::{ParseError, Result};
use super::parser::Parser;
use super::token::TokenKind;

impl Parser<'_> {
    /// What follows the word `MATCH_RECOGNIZE`.
    pub(super) fn match_recognize(&mut self, table: TableRef) -> Result<MatchRecognize> {
        let start = self.expect_symbol("(")?;
        let mut partition_by = Vec::new();
        if self.eat("PARTITION") {
            self.expect("BY")?;
            partition_by = self.comma_list(Self::expr)?;
        }
        let order_by = self.order_by()?;
        let measures = if self.eat("MEASURES") {
            self.comma_list(|p| {
                let expr = p.expr()?;
                p.expect("AS")?;
                Ok(Measure { expr, name: p.ident()? })
            })?
        } else {
            Vec::new()
        };
        let all_rows_per_match = self.rows_per_match()?;
        let after_match = self.after_match()?;
        self.expect("PATTERN")?;
        self.expect_symbol("(")?;
        let anchored_start = self.eat_symbol("^");
        let pattern = self.pattern()?;
        let anchored_end = self.eat_symbol("$") || self.eat_dollar_word();
        self.expect_symbol(")")?;
        let within = if self.eat("WITHIN") { Some(self.expr()?) } else { None };
        let subsets = if self.eat("SUBSET") { self.comma_list(Self::subset)? } else { Vec::new() };
        self.expect("DEFINE")?;
        let defines = self.comma_list(|p| {
            let name = p.ident()?;
            p.expect("AS")?;
            Ok(PatternDefine { name, condition: p.expr()? })
        })?;
        self.expect_symbol(")")?;
        Ok(MatchRecognize {
            table,
            partition_by,
            order_by,
            measures,
            all_rows_per_match,
            after_match,
            pattern,
            anchored_start,
            anchored_end,
            within,
            subsets,
            defines,
            span: self.span_from(start),
        })
    }

    fn rows_per_match(&mut self) -> Result<Option<bool>> {
        let all = match () {
            () if self.eat("ONE") => {
                self.expect("ROW")?;
                false
            }
            () if self.eat("ALL") => {
                self.expect("ROWS")?;
                true
            }
            () => return Ok(None),
        };
        self.expect_words(&["PER", "MATCH"])?;
        Ok(Some(all))
    }

    fn after_match(&mut self) -> Result<Option<AfterMatch>> {
        if !self.eat("AFTER") {
            return Ok(None);
        }
        self.expect_words(&["MATCH", "SKIP"])?;
        if self.eat("PAST") {
            self.expect_words(&["LAST", "ROW"])?;
            return Ok(Some(AfterMatch::PastLastRow));
        }
        self.expect("TO")?;
        Ok(Some(match () {
            () if self.eat_words(&["NEXT", "ROW"]) => AfterMatch::NextRow,
            () if self.peek_word("FIRST") && self.is_ident_at(1) => {
                self.bump();
                AfterMatch::ToFirst(self.ident()?)
            }
            () => {
                if self.peek_word("LAST") && self.is_ident_at(1) {
                    self.bump();
                }
                AfterMatch::ToLast(self.ident()?)
            }
        }))
    }

    fn subset(&mut self) -> Result<PatternSubset> {
        let name = self.ident()?;
        self.expect_symbol("=")?;
        let variables = self.ident_list()?;
        Ok(PatternSubset { name, variables })
    }

    /// `a b | c`
    fn pattern(&mut self) -> Result<Pattern> {
        self.nested(|p| {
            let mut branches = vec![p.pattern_sequence()?];
            while p.eat_symbol("|") {
                branches.push(p.pattern_sequence()?);
            }
            Ok(one_or(branches, Pattern::Alternation))
        })
    }

    fn pattern_sequence(&mut self) -> Result<Pattern> {
        let mut parts = vec![self.pattern_factor()?];
        while self.peek_pattern() {
            parts.push(self.pattern_factor()?);
        }
        Ok(one_or(parts, Pattern::Sequence))
    }

    fn peek_pattern(&self) -> bool {
        (self.peek_ident() && !self.peek_dollar_word())
            || self.peek_symbol("(")
            || self.peek_symbol("{")
            || self.peek_word("PERMUTE")
    }

    /// `$` alone is lexed as a name, since names may contain it.
    fn peek_dollar_word(&self) -> bool {
        matches!(self.kind(), TokenKind::Word { .. }) && self.text_of(self.span()) == "$"
    }

    fn eat_dollar_word(&mut self) -> bool {
        let found = self.peek_dollar_word();
        if found {
            self.bump();
        }
        found
    }

    fn pattern_factor(&mut self) -> Result<Pattern> {
        let pattern = self.pattern_primary()?;
        let start = self.span();
        let (min, max) = match self.kind() {
            TokenKind::Symbol("*") => (0, None),
            TokenKind::Symbol("+") => (1, None),
            TokenKind::Symbol("?") => (0, Some(1)),
            TokenKind::Symbol("{") if !self.peek_symbol_at(1, "-") => {
                return self.pattern_braces(pattern);
            }
            _ => return Ok(pattern),
        };
        self.bump();
        let reluctant = self.eat_symbol("?");
        let span = self.span_from(start);
        Ok(Pattern::Repeat { pattern: Box::new(pattern), min, max, reluctant, span })
    }

    /// `{n}`, `{n,}`, `{,m}`, `{n,m}`
    fn pattern_braces(&mut self, pattern: Pattern) -> Result<Pattern> {
        let start = self.expect_symbol("{")?;
        let (min, max) = if self.eat_symbol(",") {
            (0, Some(self.unsigned()?.value))
        } else {
            let min = self.unsigned()?.value;
            match self.eat_symbol(",") {
                true if self.peek_symbol("}") => (min, None),
                true => (min, Some(self.unsigned()?.value)),
                false => (min, Some(min)),
            }
        };
        self.expect_symbol("}")?;
        let reluctant = self.eat_symbol("?");
        let span = self.span_from(start);
        if max.is_some_and(|max| max < min) {
            return Err(ParseError::new("the upper bound is below the lower bound", span));
        }
        Ok(Pattern::Repeat { pattern: Box::new(pattern), min, max, reluctant, span })
    }

    fn pattern_primary(&mut self) -> Result<Pattern> {
        if self.eat("PERMUTE") {
            return Ok(Pattern::Permute(self.paren_list(Self::pattern)?));
        }
        if self.eat_symbol("(") {
            if self.eat_symbol(")") {
                return Ok(Pattern::Empty);
            }
            let pattern = self.pattern()?;
            self.expect_symbol(")")?;
            return Ok(pattern);
        }
        if self.eat_symbol("{") {
            self.expect_symbol("-")?;
            let pattern = self.pattern()?;
            self.expect_symbol("-")?;
            self.expect_symbol("}")?;
            return Ok(Pattern::Exclude(Box::new(pattern)));
        }
        Ok(Pattern::Variable(self.ident()?))
    }
}

/// The only one, or all of them wrapped.
fn one_or(mut patterns: Vec<Pattern>, wrap: fn(Vec<Pattern>) -> Pattern) -> Pattern {
    match (patterns.len(), patterns.pop()) {
        (1, Some(only)) => only,
        (_, last) => {
            patterns.extend(last);
            wrap(patterns)
        }
    }
}
