// A page's frame: its title, what can be done on it, and the states that every page has: loading, failed, there.
import { Flex, Skeleton, Typography } from 'antd';
import { type ReactNode, useEffect, useRef } from 'react';
import { Problem } from './problem';

interface Props {
  title: string;
  extra?: ReactNode;
  loading?: boolean;
  error?: unknown; // only what hinders the whole page
  onRetry?: () => void;
  children?: ReactNode;
}

export function Page({ title, extra, loading = false, error, onRetry, children }: Props) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · hubport`;
  }, [title]);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return (
    <div className="page">
      <Flex justify="space-between" align="center" gap={12} wrap className="page-head">
        <Typography.Title level={1} ref={heading} tabIndex={-1} className="page-title">{title}</Typography.Title>
        <Flex gap={8} wrap>{extra}</Flex>
      </Flex>
      {error !== undefined && error !== null ? <Problem error={error} onRetry={onRetry} />
        : loading ? <Skeleton active paragraph={{ rows: 8 }} />
        : children}
    </div>
  );
}
