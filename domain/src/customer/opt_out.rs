//! Recognises a message that says nothing but "leave me alone", in English and Chinese.

use crate::channel::Channel;

/// What is understood on every channel. A message counts only as a whole: whoever writes "how do I unsubscribe" asks.
const EVERYWHERE: &[&str] = &[
    "stop",
    "stop all",
    "stopall",
    "unsubscribe",
    "unsubscribe me",
    "please unsubscribe",
    "please unsubscribe me",
    "opt out",
    "opt-out",
    "optout",
    "remove me",
    "please remove me",
    "do not contact me",
    "do not contact me again",
    "do not contact me any more",
    "do not contact me anymore",
    "don't contact me",
    "don't contact me again",
    "don't contact me any more",
    "don't contact me anymore",
    "please don't contact me",
    "please don't contact me again",
    "please do not contact me",
    "please do not contact me again",
    "stop contacting me",
    "please stop contacting me",
    "stop calling me",
    "stop texting me",
    "stop messaging me",
    "leave me alone",
    "退订",
    "退訂",
    "取消订阅",
    "取消訂閱",
    "停止订阅",
    "停止訂閱",
    "拒收",
    "不要再联系",
    "不要再联系我",
    "不要再联系我了",
    "不要再聯繫",
    "不要再聯繫我",
    "不要再聯絡我",
    "请不要再联系",
    "请不要再联系我",
    "請不要再聯絡我",
    "别再联系",
    "别再联系我",
    "别再联系我了",
    "不要联系我",
    "请勿联系",
    "请勿打扰",
    "勿扰",
    "不要再打电话",
    "不要再打电话给我",
    "不要再给我打电话",
    "别再给我打电话",
    "不要再发短信",
    "不要再发消息",
    "不要再打扰我",
];

/// Words that carriers ask senders of text messages to understand. In a conversation they may answer a question.
const BY_TEXT: &[&str] = &["cancel", "end", "quit", "revoke", "t", "td"];

/// Longer messages say more than that.
const LONGEST: usize = 128;

/// Whether the whole message, however written, asks to be left alone.
#[must_use]
pub fn is_opt_out(text: &str, channel: Channel) -> bool {
    if text.len() > LONGEST {
        return false;
    }
    let said = normalised(text);
    EVERYWHERE.contains(&said.as_str())
        || (channel == Channel::Sms && BY_TEXT.contains(&said.as_str()))
}

/// Lower case, full-width letters as plain ones, one apostrophe, single spaces, nothing but words at both ends.
fn normalised(text: &str) -> String {
    let plain: String = text
        .chars()
        .filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'))
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xff01 + 0x21).unwrap_or(c),
            '\u{2018}' | '\u{2019}' | '`' | '\u{00b4}' => '\'',
            '\u{2010}'..='\u{2015}' => '-',
            other => other,
        })
        .flat_map(char::to_lowercase)
        .collect();
    let words: Vec<&str> = plain.split_whitespace().collect();
    words
        .join(" ")
        .trim_matches(|c: char| !c.is_alphanumeric())
        .to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_words_are_understood_however_they_are_written() {
        for text in [
            "STOP",
            " stop. ",
            "Stop!!!",
            "ＳＴＯＰ",
            "\u{feff}\"Unsubscribe\"",
            "Don’t   contact me\nagain.",
            "退订",
            "【退订】",
            "不要再联系我！",
            "请不要再联系我。",
        ] {
            assert!(is_opt_out(text, Channel::Chat), "{text}");
        }
    }

    #[test]
    fn a_message_that_says_more_is_no_opt_out() {
        for text in [
            "",
            "!",
            "How do I unsubscribe?",
            "please stop the delivery",
            "The bus stop",
            "我想退订杂志，怎么操作？",
            "不要再联系物流，我自己去取",
        ] {
            assert!(!is_opt_out(text, Channel::Chat), "{text}");
        }
        assert!(!is_opt_out(&"stop ".repeat(100), Channel::Sms));
    }

    #[test]
    fn what_may_answer_a_question_counts_in_text_messages_only() {
        for word in ["cancel", "END", "Quit", "TD", "t"] {
            assert!(is_opt_out(word, Channel::Sms), "{word}");
            assert!(!is_opt_out(word, Channel::Chat), "{word}");
        }
    }

    #[test]
    fn every_word_of_the_lists_is_in_its_normal_form() {
        for word in EVERYWHERE.iter().chain(BY_TEXT) {
            assert_eq!(normalised(word), *word);
        }
    }

    proptest! {
        #[test]
        fn dress_does_not_matter(
            place in 0..EVERYWHERE.len(),
            before in "[ \\t\\n!?.,。！\"'*-]{0,6}",
            after in "[ \\t\\n!?.,。！\"'*-]{0,6}",
            upper in any::<bool>(),
        ) {
            let word = EVERYWHERE[place];
            let word = if upper { word.to_uppercase() } else { word.to_owned() };
            let dressed = format!("{before}{word}{after}");
            prop_assert!(is_opt_out(&dressed, Channel::Email));
        }

        #[test]
        fn any_text_is_looked_at_without_harm(text in any::<String>()) {
            let _answer = is_opt_out(&text, Channel::Sms);
        }
    }
}
