// Names as tags, a little apart; a dash for none.
import { Flex, Tag } from 'antd';

export const Tags = ({ names }: { names: readonly string[] | null | undefined }) =>
  (names === null || names === undefined || names.length === 0 ? '—' : <Flex gap={4} wrap>{names.map((name) => <Tag key={name}>{name}</Tag>)}</Flex>);
