// PostgreSQL's custom archive format, as far as a test must edit it: the table of contents read into objects and written
// back. From the format's description, not from hubport's reader. Archives written to a pipe only (no positions).

class Reader {
  constructor(bytes) {
    Object.assign(this, { bytes, at: 0 });
  }
  take(count) {
    return this.bytes.subarray(this.at, (this.at += count));
  }
  int() {
    const raw = this.take(5);
    return (raw[0] ? -1 : 1) * raw.readUInt32LE(1);
  }
  text() {
    const length = this.int();
    return length < 0 ? null : this.take(length).toString();
  }
}

const int = (value) => {
  const raw = Buffer.alloc(5);
  raw[0] = value < 0 ? 1 : 0;
  raw.writeUInt32LE(Math.abs(value), 1);
  return raw;
};
const text = (value) => value === null ? int(-1) : Buffer.concat([int(Buffer.byteLength(value)), Buffer.from(value)]);

/** {head, entries, data}: entries are objects with desc, schema, tag, definition, drop, copy and what else they have. */
export function openArchive(bytes) {
  const reader = new Reader(bytes);
  const minor = bytes[6];
  reader.take(11);
  if (minor >= 15) reader.take(1);
  else reader.int();
  for (let i = 0; i < 7; i++) reader.int();
  for (let i = 0; i < 3; i++) reader.text();
  const head = bytes.subarray(0, reader.at);
  const count = reader.int();
  const entries = Array.from({ length: count }, () => {
    const entry = { id: reader.int(), dumper: reader.int(), tableOid: reader.text(), oid: reader.text(), tag: reader.text(),
      desc: reader.text(), section: reader.int(), definition: reader.text(), drop: reader.text(), copy: reader.text(),
      schema: reader.text(), tablespace: reader.text() };
    if (minor >= 14) entry.accessMethod = reader.text();
    if (minor >= 16) entry.relationKind = reader.int();
    Object.assign(entry, { owner: reader.text(), oids: reader.text(), dependencies: [] });
    for (let one = reader.text(); one !== null; one = reader.text()) entry.dependencies.push(one);
    entry.offset = reader.take(9);
    return entry;
  });
  return { minor, head, entries, data: bytes.subarray(reader.at) };
}

export function writeArchive({ minor, head, entries, data }) {
  const one = (entry) => Buffer.concat([
    int(entry.id), int(entry.dumper), text(entry.tableOid), text(entry.oid), text(entry.tag), text(entry.desc), int(entry.section),
    text(entry.definition), text(entry.drop), text(entry.copy), text(entry.schema), text(entry.tablespace),
    ...(minor >= 14 ? [text(entry.accessMethod)] : []), ...(minor >= 16 ? [int(entry.relationKind)] : []), text(entry.owner),
    text(entry.oids), ...entry.dependencies.map(text), text(null), entry.offset]);
  return Buffer.concat([head, int(entries.length), ...entries.map(one), data]);
}
