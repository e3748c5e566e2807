//! `OVER` windows.

use super::ast::{FrameBound, FrameExclude, WindowFrame, WindowRef, WindowSpec};
use super::error::Result;
use super::parser::Parser;

impl Parser<'_> {
    /// `OVER w`, `OVER (..)` or nothing.
    pub(super) fn over_clause(&mut self) -> Result<Option<WindowRef>> {
        if !self.eat_quietly("OVER") {
            return Ok(None);
        }
        if self.peek_ident() {
            return Ok(Some(WindowRef::Named(self.ident()?)));
        }
        let spec = self.window_spec()?;
        Ok(Some(WindowRef::Spec(Box::new(spec))))
    }

    /// `(..)`
    pub(super) fn window_spec(&mut self) -> Result<WindowSpec> {
        let start = self.expect_symbol("(")?;
        let base = if self.peek_ident() { Some(self.ident()?) } else { None };
        let mut partition_by = Vec::new();
        if self.eat("PARTITION") {
            self.expect("BY")?;
            partition_by = self.comma_list(Self::expr)?;
        }
        let order_by = self.order_by()?;
        let frame = self.window_frame()?;
        let allow_partial = match () {
            () if self.eat_quietly("ALLOW") => Some(true),
            () if self.eat_quietly("DISALLOW") => Some(false),
            () => None,
        };
        if allow_partial.is_some() {
            self.expect("PARTIAL")?;
        }
        self.expect_symbol(")")?;
        let span = self.span_from(start);
        Ok(WindowSpec { base, partition_by, order_by, frame, allow_partial, span })
    }

    fn window_frame(&mut self) -> Result<Option<WindowFrame>> {
        let begin = self.span();
        let rows = self.eat("ROWS");
        if !rows && !self.eat("RANGE") {
            return Ok(None);
        }
        let (start, end) = if self.eat("BETWEEN") {
            let start = self.frame_bound()?;
            self.expect("AND")?;
            (start, Some(self.frame_bound()?))
        } else {
            (self.frame_bound()?, None)
        };
        let exclude = self.frame_exclude()?;
        Ok(Some(WindowFrame { rows, start, end, exclude, span: self.span_from(begin) }))
    }

    fn frame_bound(&mut self) -> Result<FrameBound> {
        if self.eat_words(&["CURRENT", "ROW"]) {
            return Ok(FrameBound::CurrentRow);
        }
        let unbounded = self.peek_words(&["UNBOUNDED", "PRECEDING"])
            || self.peek_words(&["UNBOUNDED", "FOLLOWING"]);
        if unbounded {
            self.bump();
            let preceding = self.peek_word("PRECEDING");
            self.bump();
            return Ok(match preceding {
                true => FrameBound::UnboundedPreceding,
                false => FrameBound::UnboundedFollowing,
            });
        }
        let expr = Box::new(self.expr()?);
        if self.eat("PRECEDING") {
            return Ok(FrameBound::Preceding(expr));
        }
        self.expect("FOLLOWING")?;
        Ok(FrameBound::Following(expr))
    }

    fn frame_exclude(&mut self) -> Result<Option<FrameExclude>> {
        if !self.eat_quietly("EXCLUDE") {
            return Ok(None);
        }
        let exclude = match () {
            () if self.eat_words(&["NO", "OTHERS"]) => FrameExclude::NoOthers,
            () if self.eat_words(&["CURRENT", "ROW"]) => FrameExclude::CurrentRow,
            () if self.eat("GROUP") => FrameExclude::Group,
            () => {
                self.expect("TIES")?;
                FrameExclude::Ties
            }
        };
        Ok(Some(exclude))
    }
}
