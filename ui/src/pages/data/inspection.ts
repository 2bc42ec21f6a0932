// What a chosen file holds: it is sent once, checked and kept by the server, and an import then names it.
import { useEffect, useRef, useState } from 'react';
import { type ApiError } from '../../api/error';
import { sendForm } from '../../api/events';
import type { components } from '../../api/schema';

export type Report = components['schemas']['Inspection'];

export interface Inspection {
  started: number; // performance.now()
  uploaded: number;
  report?: Report;
  error?: ApiError;
}

/** The inspection of the file, begun when it is chosen; another file, or none, ends it. */
export function useInspection(file: File | undefined): Inspection | undefined {
  const [inspection, setInspection] = useState<Inspection>();
  const latest = useRef<File>(undefined);
  useEffect(() => {
    latest.current = file;
    setInspection(undefined);
    if (file === undefined)
      return;
    const form = new FormData();
    form.set('file', file);
    const change = (more: Partial<Inspection>) => {
      if (latest.current === file)
        setInspection((old) => ({ started: 0, uploaded: 0, ...old, ...more }));
    };
    change({ started: performance.now(), uploaded: 0 });
    return sendForm('/api/admin/database/inspect', form, {
      onUpload: (done) => change({ uploaded: Math.min(done, file.size) }),
      onEvent: ({ body }) => change({ report: body as Report }),
      onEnd: (error) => {
        if (error !== undefined)
          change({ error });
      },
    });
  }, [file]);
  return inspection;
}
