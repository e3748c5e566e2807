use std::sync::{Arc, Mutex};

use river_expr::Session;

use super::*;
use crate::exchange::Stop;
use crate::operator::OUTPUT_BATCHES;
use crate::{MAX_WATERMARK, Mark};

const ID: OperatorId = OperatorId { node: 0, part: 0 };

/// What happened, in order.
type Log = Arc<Mutex<Vec<String>>>;

/// Gives each input row as `times` batches, a bounded number at a time.
struct Repeat {
    name: &'static str,
    times: usize,
    left: usize,
    timer: Option<i64>,
    log: Log,
}

impl Repeat {
    fn boxed(name: &'static str, times: usize, log: &Log) -> Box<Repeat> {
        Box::new(Repeat { name, times, left: 0, timer: None, log: log.clone() })
    }

    fn say(&self, what: impl std::fmt::Display) {
        self.log.lock().unwrap().push(format!("{} {what}", self.name));
    }

    fn give(&mut self, out: &mut Output) -> Status {
        while self.left > 0 {
            if out.is_full() {
                return Status::More;
            }
            out.push(Batch::new(Vec::new(), 1));
            self.left -= 1;
        }
        Status::Done
    }
}

impl Operator for Repeat {
    fn process(
        &mut self,
        input: usize,
        batch: Batch,
        now: &EvalContext,
        out: &mut Output,
    ) -> Result<Status> {
        let watermark = now.watermark;
        self.say(format!("input {input} rows {} watermark {watermark:?}", batch.rows));
        self.left += batch.rows * self.times;
        batch.marks.iter().for_each(|mark| out.push(Batch::watermark(mark.watermark)));
        Ok(self.give(out))
    }

    fn resume(&mut self, _: &EvalContext, out: &mut Output) -> Result<Status> {
        self.say("resumes");
        Ok(self.give(out))
    }

    fn end_input(&mut self, input: usize, _: &EvalContext, out: &mut Output) -> Result<Status> {
        self.say(format!("input {input} ends"));
        out.push(Batch::new(Vec::new(), 1));
        Ok(Status::Done)
    }

    fn next_timer_ms(&self) -> Option<i64> {
        self.timer
    }

    fn on_timer(&mut self, _: &EvalContext, out: &mut Output) -> Result<Status> {
        self.say("timer");
        self.timer = None;
        out.set_idle(true);
        Ok(Status::Done)
    }
}

/// Counts; refuses everything after `limit` batches.
struct Counting {
    batches: usize,
    limit: usize,
    log: Log,
}

impl Tail for Counting {
    fn emit(&mut self, batch: Batch) -> Outcome<()> {
        self.batches += 1;
        self.log.lock().unwrap().push(format!(
            "out rows {} marks {}",
            batch.rows,
            batch.marks.len()
        ));
        if self.batches > self.limit { Err(Stop::Cancelled) } else { Ok(()) }
    }
}

fn setup(limit: usize) -> (Log, Counting, EvalContext) {
    let log = Log::default();
    let tail = Counting { batches: 0, limit, log: log.clone() };
    (log, tail, EvalContext::new(Session::default(), 0))
}

fn lines(log: &Log) -> String {
    log.lock().unwrap().drain(..).map(|line| line + "\n").collect()
}

#[test]
fn each_output_goes_to_the_end_before_the_next() {
    let (log, mut tail, mut now) = setup(usize::MAX);
    let mut chain = Chain::new(2);
    chain.push("a", ID, Repeat::boxed("a", 2, &log), &[&[], &[]]);
    chain.push("b", ID, Repeat::boxed("b", 1, &log), &[&[]]);
    let mut batch = Batch::new(Vec::new(), 1);
    batch.marks.push(Mark { offset: 1, watermark: 7 });
    chain.process(1, batch, &mut now, &mut tail).unwrap();
    chain.process(0, Batch::new(Vec::new(), 1), &mut now, &mut tail).unwrap();
    expect_test::expect![[r#"
        a input 1 rows 1 watermark None
        b input 0 rows 0 watermark None
        out rows 0 marks 1
        b input 0 rows 1 watermark Some(7)
        out rows 1 marks 0
        b input 0 rows 1 watermark Some(7)
        out rows 1 marks 0
        a input 0 rows 1 watermark Some(7)
        b input 0 rows 1 watermark Some(7)
        out rows 1 marks 0
        b input 0 rows 1 watermark Some(7)
        out rows 1 marks 0
    "#]]
    .assert_eq(&lines(&log));
}

#[test]
fn an_operator_goes_on_only_when_its_output_is_drained() {
    let (log, mut tail, mut now) = setup(usize::MAX);
    let mut chain = Chain::default();
    chain.push("a", ID, Repeat::boxed("a", 10 * OUTPUT_BATCHES, &log), &[&[]]);
    chain.push("b", ID, Repeat::boxed("b", 10 * OUTPUT_BATCHES, &log), &[&[]]);
    chain.process(0, Batch::new(Vec::new(), 1), &mut now, &mut tail).unwrap();
    assert_eq!(tail.batches, 100 * OUTPUT_BATCHES * OUTPUT_BATCHES);
}

#[test]
fn a_cancel_interrupts_an_operator_that_has_more_to_give() {
    let (log, mut tail, mut now) = setup(3);
    let mut chain = Chain::default();
    chain.push("a", ID, Repeat::boxed("a", usize::MAX, &log), &[&[]]);
    let outcome = chain.process(0, Batch::new(Vec::new(), 1), &mut now, &mut tail);
    assert!(matches!(outcome, Err(Stop::Cancelled)));
    assert_eq!(tail.batches, 4);
}

#[test]
fn operators_end_one_after_the_other_after_the_last_input() {
    let (log, mut tail, mut now) = setup(usize::MAX);
    let mut chain = Chain::new(2);
    chain.push("a", ID, Repeat::boxed("a", 1, &log), &[&[], &[]]);
    chain.push("b", ID, Repeat::boxed("b", 1, &log), &[&[]]);
    chain.end_input(1, &mut now, &mut tail).unwrap();
    chain.process(0, Batch::watermark(MAX_WATERMARK), &mut now, &mut tail).unwrap();
    chain.end_input(0, &mut now, &mut tail).unwrap();
    expect_test::expect![[r#"
        a input 1 ends
        b input 0 rows 1 watermark None
        out rows 1 marks 0
        a input 0 rows 0 watermark None
        b input 0 rows 0 watermark None
        out rows 0 marks 1
        a input 0 ends
        b input 0 rows 1 watermark Some(9223372036854775807)
        out rows 1 marks 0
        b input 0 ends
        out rows 1 marks 0
    "#]]
    .assert_eq(&lines(&log));
}

#[test]
fn timers_fire_when_due_and_may_make_the_output_idle() {
    let (log, mut tail, mut now) = setup(usize::MAX);
    let mut chain = Chain::default();
    let mut timed = Repeat::boxed("a", 1, &log);
    timed.timer = Some(50);
    chain.push("a", ID, timed, &[&[]]);
    chain.push("b", ID, Repeat::boxed("b", 1, &log), &[&[]]);
    assert_eq!(chain.next_timer_ms(), Some(50));
    chain.fire_timers(49, &mut now, &mut tail).unwrap();
    assert_eq!(lines(&log), "");
    assert!(chain.is_idle(true) && !chain.is_idle(false));
    chain.fire_timers(50, &mut now, &mut tail).unwrap();
    assert_eq!(lines(&log), "a timer\n");
    assert_eq!(chain.next_timer_ms(), None);
    assert!(chain.is_idle(false));
}
