use super::*;

/// Feeds `channel: element` lines (`@ 5`, `row`, `idle`, `active`, `end`) and shows what comes out.
fn run(channels: &[usize], script: &str) -> String {
    let mut gate = Gate::new(channels);
    let mut text = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (channel, word) = line.split_once(": ").unwrap();
        let element = match word.split_once(' ') {
            Some(("@", watermark)) => Element::Batch(Batch::watermark(watermark.parse().unwrap())),
            _ if word == "idle" => Element::Idle,
            _ if word == "active" => Element::Active,
            _ if word == "end" => Element::End,
            _ => Element::Batch(Batch::new(Vec::new(), 1)),
        };
        let idle_before = gate.is_idle();
        let step = gate.accept(channel.parse().unwrap(), element, 0).unwrap();
        let mut said = Vec::new();
        if let Some((input, batch)) = step.batch {
            let marks: Vec<i64> = batch.marks.iter().map(|mark| mark.watermark).collect();
            said.push(format!("input {input} rows {} marks {marks:?}", batch.rows));
        }
        said.extend(step.ended.map(|input| format!("input {input} ended")));
        if gate.is_idle() != idle_before {
            said.push(format!("idle {}", gate.is_idle()));
        }
        if gate.is_done() {
            said.push("done".to_owned());
        }
        text.push_str(&format!("{line} -> {}\n", said.join(", ")));
    }
    text
}

fn check(channels: &[usize], script: &str, expected: expect_test::Expect) {
    expected.assert_eq(&run(channels, script));
}

#[test]
fn the_lowest_channel_decides() {
    check(
        &[2],
        "0: @ 5
         1: row
         1: @ 3
         1: @ 9
         0: @ 7
         1: end
         0: end",
        expect_test::expect![[r#"
            0: @ 5 -> 
            1: row -> input 0 rows 1 marks []
            1: @ 3 -> input 0 rows 0 marks [3]
            1: @ 9 -> input 0 rows 0 marks [5]
            0: @ 7 -> input 0 rows 0 marks [7]
            1: end -> 
            0: end -> input 0 rows 0 marks [9223372036854775807], input 0 ended, done
        "#]],
    );
}

#[test]
fn an_idle_channel_is_not_waited_for_and_must_catch_up() {
    check(
        &[2],
        "0: @ 5
         1: idle
         0: @ 8
         1: active
         1: @ 6
         0: @ 9
         1: @ 10
         0: @ 20
         1: idle
         0: idle
         0: active",
        expect_test::expect![[r#"
            0: @ 5 -> 
            1: idle -> input 0 rows 0 marks [5]
            0: @ 8 -> input 0 rows 0 marks [8]
            1: active -> 
            1: @ 6 -> 
            0: @ 9 -> input 0 rows 0 marks [9]
            1: @ 10 -> 
            0: @ 20 -> input 0 rows 0 marks [10]
            1: idle -> input 0 rows 0 marks [20]
            0: idle -> idle true
            0: active -> idle false
        "#]],
    );
}

#[test]
fn two_inputs_combine() {
    check(
        &[1, 2],
        "0: @ 5
         1: @ 4
         2: @ 6
         1: idle
         2: idle
         0: @ 9
         0: idle
         0: end
         1: end
         2: end",
        expect_test::expect![[r#"
            0: @ 5 -> 
            1: @ 4 -> 
            2: @ 6 -> input 1 rows 0 marks [4]
            1: idle -> input 1 rows 0 marks [5]
            2: idle -> 
            0: @ 9 -> input 0 rows 0 marks [9]
            0: idle -> idle true
            0: end -> input 0 rows 0 marks [9223372036854775807], input 0 ended, idle false
            1: end -> 
            2: end -> input 1 ended, done
        "#]],
    );
}

#[test]
fn marks_inside_a_batch_move_to_where_the_minimum_advances() {
    let mut gate = Gate::new(&[2]);
    gate.accept(0, Element::Batch(Batch::watermark(7)), 0).unwrap();
    let mut batch = Batch::new(Vec::new(), 10);
    batch.marks = [(2, 3), (4, 6), (6, 9), (10, 12)]
        .map(|(offset, watermark)| Mark { offset, watermark })
        .to_vec();
    let step = gate.accept(1, Element::Batch(batch), 0).unwrap();
    let marks = step.batch.unwrap().1.marks;
    let marks: Vec<_> = marks.iter().map(|mark| (mark.offset, mark.watermark)).collect();
    assert_eq!(marks, [(2, 3), (4, 6), (6, 7)]);
}

#[test]
fn a_channel_that_goes_on_after_its_end_is_a_bug() {
    let mut gate = Gate::new(&[1]);
    gate.accept(0, Element::End, 0).unwrap();
    assert!(gate.accept(0, Element::End, 0).is_err());
    assert!(gate.accept(1, Element::End, 0).is_err());
}
