// Exact decimals as text: prices are shown per million tokens and stored per token, and no digit may be lost between.

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;

/** The decimal times 10^places, in plain digits without needless zeros; undefined when the text is no decimal. */
export function shift(text: string, places: number): string | undefined {
  const match = DECIMAL.exec(text.trim());
  if (match === null || (match[2] ?? '') + (match[3] ?? '') === '')
    return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const point = whole.length + Number(exponent) + places;
  if (Math.abs(point) > 400)
    return undefined;
  const digits = whole + fraction;
  const padded = point <= 0 ? '0'.repeat(1 - point) + digits : digits.padEnd(point, '0');
  const at = point <= 0 ? 1 : point;
  const left = padded.slice(0, at).replace(/^0+(?=\d)/, ''), right = padded.slice(at).replace(/0+$/, '');
  const plain = right === '' ? left : `${left}.${right}`;
  return sign === '-' && /[1-9]/.test(plain) ? `-${plain}` : plain;
}

const MILLION = 6;

/** Of a price object's member: JSON's numbers come as doubles, whose shortest text is what was written up to 15 digits. */
export const perMillion = (value: unknown) =>
  (typeof value === 'number' || typeof value === 'string' ? shift(String(value), MILLION) : undefined);
export const perToken = (text: string) => shift(text, -MILLION);
export const isPrice = (text: string) => /^\d*\.?\d*$/.test(text.trim()) && /\d/.test(text);
