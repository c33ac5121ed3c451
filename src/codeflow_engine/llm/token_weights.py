"""Thousandths of a token that each feature of a text counts, for families of tokenizers.

Made by a linear program, and not by hand: the smallest weights, none below 0, with which no
text of a corpus has fewer tokens than its tokenizer makes of it. The corpus had 1,150 pieces
of source code in six languages, diffs, lock files, documents in 90 natural languages, and
generated text of every kind. `tests/unit/llm/test_tokens.py` compares with texts that were not
in it.
"""

from __future__ import annotations

__all__ = [
    "BORDERS",
    "CAPITALS",
    "CLUSTERS",
    "FAMILIES",
    "KINDS",
    "LEADS",
    "SINGLE",
    "SOUNDS",
    "STARTS",
    "TEXT",
    "WORDS",
]

FAMILIES = ("openai", "claude", "claude3", "mistral", "groq", "any")
"""Names of the columns. Each counts for the most of its tokenizers: o200k and cl100k; Claude's
since Opus 4.7; Claude's before; Tekken; Llama 3, Qwen 3 and o200k; all of these with Gemma 3 and
Llama 2."""

WORDS: tuple[tuple[tuple[bytes, ...], tuple[int, ...]], ...] = (
    ((b"llll",), (0, 525, 0, 0, 0, 541)),
    ((b"lllllllll",), (2349, 1611, 2449, 2275, 2350, 1576)),
)
"""Strings of kinds of characters: `l`ower, `U`pper, `9` digit, `p`unctuation, space,
`t`ab, `n`ewline, `r`eturn, `h`igh for those that are not ASCII, `.` other control characters."""

KINDS: tuple[tuple[tuple[bytes, ...], tuple[int, ...]], ...] = (
    ((b"  ",), (15, 129, 129, 31, 15, 129)),
    ((b"999",), (912, 675, 493, 590, 1661, 3947)),
    ((b"UUU",), (0, 1873, 0, 0, 0, 814)),
    ((b"UUUU",), (2519, 1690, 3245, 2726, 2519, 3099)),
    ((b"UUl",), (728, 0, 1062, 1479, 80, 0)),
    ((b"pp",), (1329, 472, 280, 686, 1307, 572)),
    ((b"ppp",), (123, 2261, 1556, 1047, 0, 2450)),
)
"""The same, where lower-case letters that stand side by side are one `l`."""

SINGLE: tuple[tuple[tuple[bytes, ...], tuple[int, ...]], ...] = (
    ((b".",), (1638, 16, 13, 1198, 1673, 1132)),
    ((b"9",), (264, 270, 317, 1122, 883, 0)),
    ((b"n",), (58, 16, 12, 251, 58, 1042)),
    ((b"p",), (0, 123, 229, 0, 0, 16)),
    ((b"r",), (0, 0, 0, 1182, 0, 0)),
    ((b"t",), (60, 81, 64, 286, 85, 1048)),
)
"""Characters of a kind."""

STARTS: tuple[tuple[tuple[bytes, ...], tuple[int, ...]], ...] = (
    ((b"9",), (674, 700, 427, 0, 0, 1064)),
    ((b"U",), (1157, 1502, 1328, 1079, 1263, 1659)),
    ((b"l",), (544, 875, 745, 515, 525, 890)),
    ((b"n",), (1886, 2926, 3242, 1719, 1778, 1895)),
)
"""Runs of characters of one kind."""

BORDERS: tuple[tuple[tuple[bytes, ...], tuple[int, ...]], ...] = (
    ((b" 9",), (293, 2703, 1230, 108, 347, 166)),
    ((b" U",), (377, 0, 74, 234, 26, 0)),
    ((b" l",), (611, 0, 0, 580, 631, 0)),
    ((b" p",), (615, 749, 552, 889, 839, 815)),
    ((b"9l", b"9U"), (598, 546, 658, 570, 813, 350)),
    ((b"Ul",), (0, 269, 0, 0, 0, 177)),
    ((b"pl", b"pU"), (168, 443, 502, 556, 186, 536)),
)
"""Where a run of one kind follows one of another kind."""

SOUNDS: tuple[tuple[tuple[bytes, ...], tuple[int, ...]], ...] = (
    ((b"q",), (1929, 2060, 1779, 1547, 1904, 1897)),
    ((b"qc", b"cq"), (0, 547, 648, 146, 186, 915)),
    ((b"vv",), (139, 1475, 186, 541, 139, 1475)),
)
"""Strings of `v`owels, `c`onsonants, and consonants that are `q`uite rare."""

CLUSTERS: tuple[tuple[tuple[bytes, ...], tuple[int, ...]], ...] = (
    ((b"ccc",), (0, 0, 133, 0, 0, 0)),
    ((b"cccc",), (2464, 1859, 565, 1060, 2343, 1000)),
    ((b"ccccc",), (0, 0, 0, 1931, 0, 1233)),
)
"""The same, where all consonants are `c`."""

TEXT: tuple[tuple[tuple[bytes, ...], tuple[int, ...]], ...] = (
    ((b"\\",), (2219, 1950, 1804, 2889, 1858, 3070)),
)
"""Strings as they are."""

LEADS: tuple[tuple[tuple[int, int], tuple[int, ...]], ...] = (
    ((0xC2, 0xC3), (5550, 1488, 7133, 3448, 5623, 1386)),
    ((0xC4, 0xCA), (5424, 2462, 3355, 7651, 5006, 2371)),
    ((0xCB, 0xCD), (2291, 2379, 2435, 2326, 2225, 2387)),
    ((0xCE, 0xCF), (1761, 1488, 1016, 945, 1112, 1678)),
    ((0xD0, 0xD1), (913, 644, 641, 846, 800, 853)),
    ((0xD2, 0xD6), (2647, 3317, 3553, 1059, 2506, 2320)),
    ((0xD7, 0xD7), (1346, 992, 982, 560, 1350, 1302)),
    ((0xD8, 0xD9), (908, 860, 850, 318, 465, 1122)),
    ((0xDA, 0xDF), (2843, 2355, 2299, 3818, 3534, 2065)),
    ((0xE0, 0xE0), (2633, 2948, 2954, 3049, 2633, 3256)),
    ((0xE1, 0xE1), (3514, 3745, 3691, 3416, 3516, 3745)),
    ((0xE2, 0xE2), (8202, 16871, 7059, 3870, 8167, 16410)),
    ((0xE3, 0xE3), (1017, 834, 826, 614, 682, 1013)),
    ((0xE4, 0xE9), (1488, 1240, 1214, 1135, 942, 1316)),
    ((0xEA, 0xEA), (3327, 3343, 3814, 3302, 3327, 3343)),
    ((0xEB, 0xED), (1268, 1465, 1359, 600, 736, 1498)),
    ((0xEE, 0xEE), (3306, 1092, 1092, 3317, 3306, 3339)),
    ((0xEF, 0xEF), (2103, 2886, 3071, 2559, 1887, 3256)),
    ((0xF0, 0xF0), (4449, 4449, 4452, 4438, 4449, 4611)),
    ((0xF1, 0xF7), (4070, 4449, 4452, 4442, 4070, 4452)),
)
"""First and last of the bytes that begin a character of several bytes."""

CAPITALS = (971, 971, 971, 971, 971, 971)
"""Capital letters of Greek, Cyrillic and Armenian, beside their first byte."""
