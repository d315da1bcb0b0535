//! Tables of Unicode for [`super::fold`]: which characters stand for a digit, a
//! blank, a hyphen, a dot or a Latin letter, and which are invisible.

/// The zeros of the decimal digits (general category Nd) outside of ASCII; each is
/// followed by its one to nine. Unicode 14.
const ZEROS: [u32; 65] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20,
    0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0,
    0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10, 0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0,
    0x11450, 0x114d0, 0x11650, 0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60, 0x16ac0,
    0x16b50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
];

/// The value of a decimal digit of any script.
pub fn digit(c: char) -> Option<u8> {
    let code = c as u32;
    let after = ZEROS.partition_point(|zero| *zero <= code);
    let value = code - ZEROS.get(after.checked_sub(1)?)?;
    (value < 10).then_some(value as u8)
}

/// Whether a character shows nothing: zero-width and soft hyphens, marks of
/// direction, selectors, controls, combining marks.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}' | '\u{80}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{ad}'
        | '\u{300}'..='\u{36f}' | '\u{61c}' | '\u{180b}'..='\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e01ef}')
}

/// The ASCII sign or letter that a character looks like, where it is not its
/// compatibility decomposition that says so.
pub fn look_alike(c: char) -> Option<u8> {
    Some(match c {
        '\u{85}' | '\u{115f}' | '\u{1160}' | '\u{2028}' | '\u{2029}' | '\u{2800}' | '\u{3164}' => b' ',
        '\u{2d7}'
        | '\u{58a}'
        | '\u{5be}'
        | '\u{1806}'
        | '\u{2010}'..='\u{2015}'
        | '\u{2043}'
        | '\u{2212}'
        | '\u{2500}'
        | '\u{2501}'
        | '\u{2796}'
        | '\u{2e3a}'
        | '\u{2e3b}'
        | '\u{30a0}'
        | '\u{30fc}'
        | '\u{301c}'
        | '\u{3030}'
        | '\u{10ead}' => b'-',
        '\u{b7}' | '\u{387}' | '\u{66b}' | '\u{6d4}' | '\u{2022}' | '\u{2027}' | '\u{2219}' | '\u{22c5}'
        | '\u{25cf}' | '\u{3002}' | '\u{30fb}' => b'.',
        '\u{2215}' | '\u{2044}' | '\u{29f8}' => b'/',
        '\u{2236}' | '\u{589}' | '\u{a789}' => b':',
        '\u{66c}' | '\u{60c}' | '\u{3001}' => b',',
        '\u{2795}' => b'+',
        '\u{2223}' | '\u{2502}' | '\u{a6}' => b'|',
        '“' | '”' | '„' | '«' | '»' => b'"',
        '‘' | '’' | '‚' | '‹' | '›' => b'\'',
        'а' | 'α' | 'ɑ' => b'a',
        'в' | 'ь' => b'b',
        'с' | 'ϲ' => b'c',
        'ԁ' => b'd',
        'е' | 'є' => b'e',
        'һ' => b'h',
        'і' | 'ı' | 'ι' => b'i',
        'ј' => b'j',
        'к' | 'κ' => b'k',
        'ӏ' => b'l',
        'м' => b'm',
        'п' => b'n',
        'о' | 'ο' | 'σ' | 'օ' => b'o',
        'р' | 'ρ' => b'p',
        'ԛ' => b'q',
        'г' => b'r',
        'ѕ' => b's',
        'т' | 'τ' => b't',
        'υ' | 'ս' => b'u',
        'ν' | 'ѵ' => b'v',
        'ԝ' | 'ω' => b'w',
        'х' | 'χ' => b'x',
        'у' | 'γ' => b'y',
        'А' | 'Α' => b'A',
        'В' | 'Β' => b'B',
        'С' | 'Ϲ' => b'C',
        'Е' | 'Ε' => b'E',
        'Н' | 'Η' => b'H',
        'І' | 'Ι' | 'Ӏ' => b'I',
        'Ј' => b'J',
        'К' | 'Κ' => b'K',
        'М' | 'Μ' => b'M',
        'Ν' => b'N',
        'О' | 'Ο' => b'O',
        'Р' | 'Ρ' => b'P',
        'Ѕ' => b'S',
        'Т' | 'Τ' => b'T',
        'Х' | 'Χ' => b'X',
        'У' | 'Υ' => b'Y',
        'Ζ' => b'Z',
        _ => return None,
    })
}

/// The letter under the accent, of the letters of Latin-1.
pub fn latin(c: char) -> Option<u8> {
    const LETTERS: &[u8; 64] = b"AAAAAAACEEEEIIIIDNOOOOO OUUUUYTsaaaaaaaceeeeiiiidnooooo ouuuuyty";
    let letter = *LETTERS.get((c as usize).checked_sub(0xc0)?)?;
    (letter != b' ').then_some(letter)
}
