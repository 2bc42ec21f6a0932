// An edited file: what it would change, cell by cell, or what is wrong with it, by line; then all of it or nothing.
import { InboxOutlined } from '@ant-design/icons';
import { useMutation } from '@tanstack/react-query';
import { Alert, Button, Drawer, Flex, Typography, Upload } from 'antd';
import { useState } from 'react';
import { asApiError } from '../../api/error';
import { useTexts } from '../../i18n';
import { batchTexts } from '../../i18n/batch';
import { commonTexts } from '../../i18n/common';
import { numberText } from '../../i18n/format';
import { Cells } from './cells';
import { BATCH_MAX, type Cell, type FileAnswer, importFile, type Kind, type Undoable, useFields } from './data';
import { Refusal } from './refusal';
import { useAnnounce } from './undo';

const cellsOf = ({ rows }: FileAnswer): Cell[] =>
  rows.flatMap(({ id, name, changes }) =>
    changes.map(({ field, before, after }) => ({ id, name, field, status: 'changed' as const, before, after })));

export function FileDrawer({ kind, onClose, onDone }: { kind: Kind; onClose: () => void; onDone: () => void }) {
  const t = useTexts(batchTexts);
  const common = useTexts(commonTexts);
  const announce = useAnnounce();
  const fields = useFields(kind);
  const [file, setFile] = useState<File>();
  const preview = useMutation({ mutationFn: (chosen: File) => importFile(kind, chosen, { dryRun: true, chunk: true }) });
  const apply = useMutation({
    mutationFn: () => importFile(kind, file!, { dryRun: false, chunk: true }),
    onSuccess: ({ changedCount, chunks, warnings }) => {
      const done = chunks.flatMap(({ operationId, undoToken }): Undoable[] =>
        (operationId === undefined || undoToken === undefined ? [] : [{ kind, action: 'patch', operationId, undoToken }]));
      announce(t('applied', numberText(changedCount)), done, warnings);
      onDone();
    },
  });
  const seen = preview.data;
  const choose = (chosen: File) => {
    apply.reset();
    setFile(chosen);
    preview.mutate(chosen);
    return false; // nothing is uploaded by the control itself
  };
  const failed = apply.error === null ? undefined : asApiError(apply.error).body?.chunks as FileAnswer['chunks'] | undefined;
  return (
    <Drawer
      open size={720} onClose={onClose} title={t('importTitle')} closable={{ 'aria-label': common('close') }}
      footer={
        <Flex justify="end" gap={8}>
          <Button onClick={onClose}>{common('cancel')}</Button>
          <Button type="primary" disabled={seen === undefined || seen.changedCount === 0} loading={apply.isPending} onClick={() => apply.mutate()}
                  data-testid="file-apply">{t('apply', numberText(seen?.changedCount ?? 0))}</Button>
        </Flex>
      }
    >
      <Flex vertical gap={12}>
        <Upload.Dragger accept=".csv,.json,text/csv,application/json" beforeUpload={choose} showUploadList={false} disabled={preview.isPending || apply.isPending}>
          <p className="ant-upload-drag-icon"><InboxOutlined /></p>
          <p>{file?.name ?? t('dropFile')}</p>
        </Upload.Dragger>
        <Typography.Text type="secondary">{t('fileHint')}</Typography.Text>
        {preview.isError && <Refusal error={preview.error} />}
        {apply.isError && <Refusal error={apply.error} />}
        {failed !== undefined && failed.length > 1 &&
          <Alert type="warning" title={t('chunksFailed')} description={failed.map(({ from, to, status }) => `${from} – ${to}: ${t(`chunk_${status}`)}`).join('\n')} className="lines" />}
        {seen !== undefined && seen.changedCount > BATCH_MAX && <Alert type="info" showIcon title={t('inChunks', BATCH_MAX)} />}
        {seen !== undefined && <>
          <Typography.Text strong>{t('fileSays', numberText(seen.rowCount), numberText(seen.changedCount), numberText(seen.cellCount))}</Typography.Text>
          <Cells cells={cellsOf(seen)} fields={fields} />
        </>}
      </Flex>
    </Drawer>
  );
}
