// Price tables for tests: numbers as the digits that they are written with, which JSON.parse would not keep.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { TOP } from './hubport.mjs';

/** The public table as text: 2,218 entries. */
export const LITELLM = readFileSync(join(TOP, 'tests/data/litellm-prices.json'), 'utf8');

/** A number's digits, in no matter which of JSON's notations, as a plain decimal: "1.50e-06" is "0.00000150". */
export function plain(digits) {
  const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(digits);
  const point = whole.length + Number(exponent);
  const all = (whole + fraction).padEnd(point, '0');
  const before = point > 0 ? all.slice(0, point) : '';
  const after = point > 0 ? all.slice(point) : all.padStart(all.length - point, '0');
  return `${sign}${before.replace(/^0+(?=\d)/, '') || '0'}${after === '' ? '' : `.${after}`}`;
}

export class Digits {
  constructor(text) {
    this.text = text;
  }
}

/** JSON.parse(), with Digits for numbers. */
export function parseExact(text) {
  const tokens = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
  const marked = text.replace(tokens, (token) => (token.startsWith('"') ? token : `{"#number":"${token}"}`));
  return JSON.parse(marked, (_, value) =>
    value !== null && typeof value === 'object' && '#number' in value ? new Digits(value['#number']) : value);
}

/** The same value with every number as a plain decimal text, for comparing. */
export function plainNumbers(value) {
  if (value instanceof Digits) return `number ${plain(value.text)}`;
  if (Array.isArray(value)) return value.map(plainNumbers);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plainNumbers(member)]));
}

/** JSON.stringify() for what parseExact() gave. */
export function writeJson(value) {
  if (value instanceof Digits) return value.text;
  if (Array.isArray(value)) return `[${value.map(writeJson).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}:${writeJson(member)}`).join(',')}}`;
}

const tomlKey = (name) => JSON.stringify(name);
function tomlValue(value) {
  if (value instanceof Digits) return value.text;
  if (Array.isArray(value)) return `[${value.map(tomlValue).join(', ')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  return `{ ${Object.entries(value).filter(([, member]) => member !== null)
    .map(([name, member]) => `${tomlKey(name)} = ${tomlValue(member)}`).join(', ')} }`;
}

/** A table {model: price object} as TOML, in the hub's form; null, which TOML has not, is left out. */
export function writeToml(models) {
  const tables = Object.entries(models).map(([model, price]) => {
    const members = Object.entries(price).filter(([, value]) => value !== null);
    return `[models.${tomlKey(model)}]\n${
      members.map(([name, value]) => `${tomlKey(name)} = ${tomlValue(value)}\n`).join('')}`;
  });
  return `[metadata]\nversion = "2026.01"\n\n${tables.join('\n')}`;
}

/** What model_prices holds: {model: {source, data}}, one row a model. */
export async function storedPrices(postgres, database) {
  const rows = await postgres.sql(database, 'SELECT model_name, source, price_data::text FROM public.model_prices');
  const models = Object.fromEntries(rows.map(([name, source, data]) => [name, { source, data: plainNumbers(parseExact(data)) }]));
  if (Object.keys(models).length !== rows.length) throw new Error('a model has more than one row');
  return models;
}
