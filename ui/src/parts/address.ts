// What is chosen on a page stands in its address: it can be sent to somebody, and the way back works.
import { useCallback } from 'react';
import { useSearchParams } from 'react-router';

export type Choices = Readonly<Record<string, string | undefined>>;

export function useAddress(): [URLSearchParams, (changes: Choices) => void] {
  const [params, setParams] = useSearchParams();
  const change = useCallback((changes: Choices) => setParams((old) => {
    const next = new URLSearchParams(old);
    for (const [name, value] of Object.entries(changes)) {
      if (value === undefined || value === '')
        next.delete(name);
      else
        next.set(name, value);
    }
    return next;
  }, { replace: true }), [setParams]);
  return [params, change];
}
