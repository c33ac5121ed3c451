# ruff: noqa: E501, RUF001, S311 - texts as people write them, in their own letters, and dice
"""Texts whose tokens were counted once by real tokenizers; none was used to fit the weights."""

from __future__ import annotations

import base64
import json
from random import Random
from string import ascii_letters, ascii_lowercase, digits, hexdigits, punctuation

PYTHON = '''\
class LeaseKeeper:
    """Extends leases until their run ends; a lost lease cancels the run."""

    def __init__(self, journal: Journal, *, every: float = 10.0) -> None:
        self._journal = journal
        self._every = every
        self._held: dict[str, asyncio.Task[None]] = {}

    async def extend(self, run_id: str, fence: int) -> bool:
        try:
            return await self._journal.extend(run_id, fence=fence, seconds=3 * self._every)
        except StorageUnavailableError as error:
            log.warning("lease.unsure", run_id=run_id, error=str(error)[:200])
            return self._clock.monotonic() < self._known_until[run_id]

    @property
    def held(self) -> frozenset[str]:
        return frozenset(name for name, task in self._held.items() if not task.done())
'''
JAVASCRIPT = """\
import { useEffect, useMemo, useState } from "react";

export function ReviewTable({ findings, onDismiss = () => {} }) {
  const [sortKey, setSortKey] = useState("severity");
  const rows = useMemo(() => [...findings].sort((a, b) => RANK[b[sortKey]] - RANK[a[sortKey]]), [findings, sortKey]);

  useEffect(() => {
    const onKey = (event) => { if (event.key === "Escape") setSortKey("severity"); };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, []);

  if (!rows.length) return <p className="empty">Nothing was found.</p>;
  return rows.map((row) => <Row key={row.fingerprint} {...row} onClick={() => onDismiss(row)} />);
}
"""
C_CODE = """\
#include <errno.h>
#include <stdint.h>

/* Reads exactly n bytes, or says why not. */
static ssize_t read_exactly(int fd, void *buf, size_t n)
{
\tuint8_t *p = buf;
\tsize_t left = n;

\twhile (left > 0) {
\t\tssize_t got = read(fd, p, left);
\t\tif (got < 0) {
\t\t\tif (errno == EINTR || errno == EAGAIN)
\t\t\t\tcontinue;
\t\t\treturn -errno;
\t\t}
\t\tif (got == 0)
\t\t\tbreak;
\t\tp += got;
\t\tleft -= (size_t)got;
\t}
\treturn (ssize_t)(n - left);
}
"""
GO_CODE = """\
package outbox

import (
\t"context"
\t"errors"
\t"fmt"
)

// Deliver sends every effect that is not yet receipted, in order.
func (b *Box) Deliver(ctx context.Context, effects []Effect) (int, error) {
\tsent := 0
\tfor i, effect := range effects {
\t\tif found, err := b.forge.Find(ctx, effect.Marker()); err != nil {
\t\t\treturn sent, fmt.Errorf("look for effect %d of %d: %w", i+1, len(effects), err)
\t\t} else if found {
\t\t\tcontinue
\t\t}
\t\tif err := b.forge.Send(ctx, effect); errors.Is(err, ErrGone) {
\t\t\tbreak
\t\t}
\t\tsent++
\t}
\treturn sent, nil
}
"""
RUST_CODE = """\
impl<'a> Iterator for Hunks<'a> {
    type Item = Result<Hunk<'a>, DiffError>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.lines.next()?;
        match line.strip_prefix("@@ -") {
            Some(rest) => Some(Hunk::parse(rest, &mut self.lines)),
            None if line.is_empty() => self.next(),
            None => Some(Err(DiffError::Unexpected { line: line.to_owned(), at: self.at })),
        }
    }
}
"""
SQL = """\
WITH latest AS (
  SELECT run_id, MAX(sequence) AS sequence FROM run_events WHERE tenant = :tenant GROUP BY run_id
)
SELECT r.id, r.workflow, e.kind, e.body ->> 'outcome' AS outcome
FROM runs r JOIN latest l ON l.run_id = r.id JOIN run_events e USING (run_id, sequence)
WHERE r.status IN ('queued', 'running') AND r.lease_until < NOW() - INTERVAL '30 seconds'
ORDER BY r.priority DESC, r.submitted_at LIMIT 50 FOR UPDATE OF r SKIP LOCKED;
"""
YAML = """\
services:
  worker:
    image: "registry.example.com/acme/worker:3.12-slim"
    environment: {CODEFLOW_STORAGE: "postgresql+psycopg://db:5432/app", LOG_LEVEL: info}
    deploy:
      replicas: 4
      resources:
        limits: {cpus: "0.50", memory: 512M}
    healthcheck:
      test: ["CMD", "codeflow", "doctor", "--quiet"]
      interval: 30s
"""
ENGLISH = """\
A review that stops half-way is worse than one that never began, because it looks finished. The
engine therefore counts every hunk twice: once when the change is cut into pieces, and once when
somebody has answered for it. Whoever reads the result can see which parts nobody looked at, why
that is so, and what it would cost to look again. "Nothing found" and "not looked at" are never
the same sentence; that's the whole point, isn't it?
"""
GERMAN = """\
Die Übersetzungsmannschaft überprüfte jede einzelne Änderung sorgfältig, bevor sie das Ergebnis
veröffentlichte. Geschwindigkeitsbegrenzungen und Haushaltsobergrenzen gelten für sämtliche
Anfragen; was darüber hinausgeht, wird zurückgestellt und später nachgeholt.
"""
FRENCH = """\
L'été dernier, l'équipe a découvert qu'une vérification inachevée était présentée comme réussie.
Depuis, chaque élément modifié est compté séparément : ce qui n'a pas été relu est signalé, même
lorsque personne ne l'a demandé. Où en êtes-vous aujourd'hui ?
"""
POLISH = """\
Każda zmiana jest sprawdzana osobno, a wyniki są zapisywane, zanim ktokolwiek je wykorzysta.
Jeśli połączenie zostanie przerwane, silnik wznawia pracę od ostatniego zakończonego kroku.
"""
TURKISH = """\
Değişikliğin her parçası ayrı ayrı incelenir ve sonuçlar kullanılmadan önce kaydedilir. Bağlantı
kesilirse motor, tamamlanan son adımdan itibaren çalışmaya devam eder.
"""
VIETNAMESE = """\
Mỗi phần của thay đổi được kiểm tra riêng biệt và kết quả được ghi lại trước khi sử dụng. Nếu kết
nối bị gián đoạn, hệ thống sẽ tiếp tục từ bước cuối cùng đã hoàn thành.
"""
RUSSIAN = """\
Каждая часть изменения проверяется отдельно, а результат записывается до того, как им кто-нибудь
воспользуется. Если соединение прервётся, работа продолжится с последнего завершённого шага.
Непрочитанное никогда не выдаётся за проверенное.
"""
GREEK = """\
Κάθε τμήμα της αλλαγής ελέγχεται ξεχωριστά και το αποτέλεσμα καταγράφεται πριν χρησιμοποιηθεί. Αν
διακοπεί η σύνδεση, η εργασία συνεχίζεται από το τελευταίο βήμα που ολοκληρώθηκε.
"""
ARABIC = """\
تتم مراجعة كل جزء من التغيير على حدة، وتسجل النتيجة قبل أن يستخدمها أحد. إذا انقطع الاتصال يواصل
المحرك عمله من آخر خطوة اكتملت، ولا يدفع ثمن الإجابة نفسها مرتين.
"""
HEBREW = """\
כל חלק של השינוי נבדק בנפרד, והתוצאה נרשמת לפני שמישהו משתמש בה. אם החיבור נקטע, העבודה ממשיכה
מהשלב האחרון שהושלם.
"""
HINDI = """\
परिवर्तन के हर भाग की अलग से जाँच की जाती है और परिणाम उपयोग से पहले लिखा जाता है। यदि संपर्क टूट
जाए, तो काम अंतिम पूर्ण चरण से आगे बढ़ता है।
"""
THAI = """\
ทุกส่วนของการเปลี่ยนแปลงจะถูกตรวจสอบแยกกัน และผลลัพธ์จะถูกบันทึกก่อนที่ใครจะนำไปใช้
หากการเชื่อมต่อขาดหาย ระบบจะทำงานต่อจากขั้นตอนสุดท้ายที่เสร็จสมบูรณ์
"""
CHINESE = """\
变更的每一部分都会单独检查，结果在使用之前先写入存储。如果连接中断，引擎会从最后完成的步骤继续执行。
没有读过的内容绝不会被当作“没有问题”来报告；预算用完时，先审查风险最高的文件，其余部分明确标记为跳过。
"""
JAPANESE = """\
変更の各部分は個別に確認され、結果は使われる前に記録されます。接続が切れた場合、エンジンは最後に完了した
ステップから処理を再開します。読まれていないコードが「問題なし」と報告されることは決してありません。
"""
KOREAN = """\
변경 사항의 각 부분은 따로 검토되며, 결과는 사용되기 전에 기록됩니다. 연결이 끊어지면 엔진은 마지막으로
완료된 단계부터 작업을 이어 갑니다. 읽지 않은 코드가 문제없다고 보고되는 일은 없습니다.
"""
EMOJI = (
    "✅ done 🎉 ship it 🚀🚀 — 👩‍💻 reviewed, ⚠️ 3 warnings, ❌ 1 error 🐛🔥 thanks 🙏🏽 👨‍👩‍👧 🇪🇺\n"
)
MINIFIED = (
    '!function(e,t){"object"==typeof exports&&"undefined"!=typeof module?t(exports):t((e=e||self)'
    '.q={})}(this,function(e){"use strict";var n=Object.assign||function(e){for(var t=1;t<arguments'
    ".length;t++){var r=arguments[t];for(var o in r)Object.prototype.hasOwnProperty.call(r,o)&&(e[o]"
    "=r[o])}return e};function a(e,t){return void 0===t&&(t=null),e?n({},e,{k:t}):t}e.a=a,e.b=1e3*60"
    "});var _=[0x1f,1<<4,~7,.5e-3],$=/^(?:\\s+|\\d{2,})$/g;_.map(e=>e>>>1|3).filter(Boolean);"
)


def _diff(text: str) -> str:
    lines = [
        f"{'+' if at % 5 == 1 else '-' if at % 5 == 2 else ' '}{line}"
        for at, line in enumerate(text.splitlines())
    ]
    head = "diff --git a/src/app/part.py b/src/app/part.py\nindex 3f1c9ab..77d0e21 100644\n"
    names = "--- a/src/app/part.py\n+++ b/src/app/part.py\n@@ -17,21 +17,22 @@ class Part:\n"
    return head + names + "\n".join(lines) + "\n"


def _words(random: Random, letters: str, count: int, join: str = "") -> str:
    return join.join(
        "".join(random.choice(letters) for _ in range(random.randint(2, 11))) for _ in range(count)
    )


def _made(random: Random) -> dict[str, str]:
    raw = bytes(random.randrange(256) for _ in range(600))
    numbers = [[random.randint(0, 10**6), random.random()] for _ in range(40)]
    return {
        "base64": base64.b64encode(raw).decode(),
        "base64 lines": base64.encodebytes(raw).decode(),
        "hex": raw.hex(),
        "hashes": "\n".join(f"{raw[at : at + 20].hex()}  f{at}.txt" for at in range(0, 400, 20)),
        "numbers": json.dumps(numbers),
        "csv": "\n".join(f"{a},{b:.3f},{a % 7}" for a, b in numbers),
        "random letters": _words(random, ascii_lowercase, 100),
        "random words": _words(random, ascii_lowercase, 100, " "),
        "random capitals": _words(random, ascii_lowercase.upper(), 100, " "),
        "random alphanumerics": _words(random, ascii_letters + digits, 100),
        "random hexadecimal": _words(random, hexdigits, 100, "-"),
        "punctuation": _words(random, punctuation, 80),
        "operators": _words(random, "(){}[];:,.=<>!&|+-*/", 80, " "),
        "whitespace": "".join(random.choice(["    ", "\t", "\n", "  ", "}\n"]) for _ in range(300)),
        "indentation": "\n".join(" " * random.randint(0, 24) + "pass" for _ in range(60)),
        "blank lines": "\n" * 60 + "end\n" + "\n" * 3 + "\r\n" * 20,
        "rules": "=" * 80 + "\n" + "-" * 80 + "\n# " + "*" * 60 + "\n" + "." * 70 + "\n",
        "identifiers": " ".join(
            f"{_words(random, 'aeioulnrst', 1)}_{_words(random, ascii_lowercase, 1).title()}Id"
            for _ in range(60)
        ),
    }


def texts() -> dict[str, str]:
    """Give every text by its name; the kind stands before the slash."""
    code = {
        "python": PYTHON,
        "javascript": JAVASCRIPT,
        "c": C_CODE,
        "go": GO_CODE,
        "rust": RUST_CODE,
        "sql": SQL,
        "yaml": YAML,
        "minified": MINIFIED,
    }
    prose = {
        "english": ENGLISH,
        "german": GERMAN,
        "french": FRENCH,
        "polish": POLISH,
        "turkish": TURKISH,
        "vietnamese": VIETNAMESE,
        "russian": RUSSIAN,
        "greek": GREEK,
        "arabic": ARABIC,
        "hebrew": HEBREW,
        "hindi": HINDI,
        "thai": THAI,
    }
    asian = {"chinese": CHINESE, "japanese": JAPANESE, "korean": KOREAN}
    made = {f"made/{name}": text for name, text in _made(Random(6)).items()}
    return {
        **{f"code/{name}": text for name, text in code.items()},
        **{f"diff/{name}": _diff(text) for name, text in code.items()},
        **{f"crlf/{name}": text.replace("\n", "\r\n") for name, text in code.items()},
        **{f"escaped/{name}": json.dumps(text) for name, text in code.items()},
        **{f"prose/{name}": text for name, text in prose.items()},
        **{f"capitals/{name}": text.upper() for name, text in prose.items()},
        **{f"asian/{name}": text for name, text in asian.items()},
        "emoji/line": EMOJI * 4,
        "short/word": "ok",
        "short/sentence": "Fix the off-by-one in `read_exactly`.",
        "short/letter": "x",
        "short/newline": "\n",
        "short/emoji": "🎉",
        **made,
    }
