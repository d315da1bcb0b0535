//! The words that stand before a number and say what it is.

use super::{fold, work};

/// Bytes that are looked back for words.
const BACK: usize = 40;
/// Words that are looked at.
const WORDS: usize = 3;
const WORD: usize = 16;

/// Up to three words before a position, nearest first, in small letters. Digits,
/// brackets and what was found before end them: what stands beyond is about
/// something else.
#[derive(Clone, Copy, Debug)]
pub struct WordsBefore {
    words: [[u8; WORD]; WORDS],
    lens: [usize; WORDS],
}

impl WordsBefore {
    fn word(&self, place: usize) -> &[u8] {
        &self.words[place][..self.lens[place]]
    }

    pub fn nearest(&self) -> &[u8] {
        self.word(0)
    }

    pub fn any_of(&self, words: &[&[u8]]) -> bool {
        (0..WORDS).any(|place| words.contains(&self.word(place)))
    }
}

pub fn words_before(text: &[u8], at: usize) -> WordsBefore {
    let mut found = WordsBefore { words: [[0; WORD]; WORDS], lens: [0; WORDS] };
    let begin = at.saturating_sub(BACK);
    let (mut end, mut place) = (at, 0);
    while end > begin && place < WORDS {
        work::add(1);
        let byte = text[end - 1];
        if !is_letter(byte) {
            if byte.is_ascii_digit() || matches!(byte, b'[' | b']' | b'@') {
                break;
            }
            end -= 1;
            continue;
        }
        let letters = text[begin..end].iter().rev().take_while(|byte| is_letter(**byte)).count();
        work::add(letters);
        let word = &text[end - letters..end];
        if word.len() <= WORD {
            for (to, from) in found.words[place].iter_mut().zip(word) {
                *to = from.to_ascii_lowercase();
            }
            found.lens[place] = word.len();
        }
        place += 1;
        end -= letters;
    }
    found
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == fold::LETTER
}
