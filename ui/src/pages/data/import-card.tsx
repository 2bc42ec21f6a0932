// Import: a file, how, confirmed; then its run and its end.
import { InboxOutlined } from '@ant-design/icons';
import { useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Card, Checkbox, Flex, Radio, Upload } from 'antd';
import { useState } from 'react';
import { useTexts } from '../../i18n';
import { dataTexts } from '../../i18n/data';
import { bytesText } from '../../i18n/format';
import { ConfirmImport } from './confirm-import';
import { type Choice, useRun } from './run';
import { RunView } from './run-view';
import type { Status } from './status';

/** Why this file cannot be one: its name and its first bytes. */
async function faultOf(file: File): Promise<'notDump' | 'notArchive' | undefined> {
  if (!file.name.endsWith('.dump'))
    return 'notDump';
  const magic = new TextDecoder('latin1').decode(await file.slice(0, 5).arrayBuffer());
  return magic === 'PGDMP' ? undefined : 'notArchive';
}

export function ImportCard({ status }: { status: Status }) {
  const t = useTexts(dataTexts);
  const queries = useQueryClient();
  const { run, start, cancel, forget } = useRun(() => void queries.invalidateQueries());
  const [file, setFile] = useState<File>();
  const [fault, setFault] = useState<{ key: 'notDump' | 'notArchive'; name: string }>();
  const [overwrite, setOverwrite] = useState(false);
  const [skipLogs, setSkipLogs] = useState(false);
  const [asked, setAsked] = useState<Choice>();
  const take = (chosen: File) => {
    setFault(undefined);
    void faultOf(chosen).then((key) => {
      setFile(key === undefined ? chosen : undefined);
      setFault(key === undefined ? undefined : { key, name: chosen.name });
    });
    return false; // nothing is sent yet
  };
  const again = () => {
    forget();
    setFile(undefined);
  };
  if (run !== null)
    return (
      <Card title={t('importTitle')} className="card">
        <RunView run={run} onCancel={cancel} onAgain={again}
                 onGoOn={(more) => setAsked({ ...run.choice, ...more })} />
        <ConfirmImport asked={asked} status={status} onCancel={() => setAsked(undefined)} onConfirm={(choice) => {
          setAsked(undefined);
          start(choice);
        }} />
      </Card>
    );
  const hindrance = !status.isAvailable ? t('unavailable') : status.lock ? t('busy') : undefined;
  return (
    <Card title={t('importTitle')} className="card">
      <Flex vertical gap={16}>
        <Upload.Dragger accept=".dump" maxCount={1} showUploadList={false} beforeUpload={take} data-testid="file">
          <p className="ant-upload-drag-icon"><InboxOutlined /></p>
          <p className="ant-upload-text">{file?.name ?? t('drop')}</p>
          <p className="ant-upload-hint">{file === undefined ? t('dropHint') : bytesText(file.size)}</p>
        </Upload.Dragger>
        {fault !== undefined && <Alert type="error" showIcon title={t(fault.key, fault.name)} />}
        <Radio.Group value={overwrite} onChange={({ target }) => setOverwrite(target.value)} aria-label={t('way')}>
          <Flex vertical gap={10}>
            <Radio value={false}><span className="choice">{t('merge')}<small>{t('mergeHint')}</small></span></Radio>
            <Radio value><span className="choice">{t('overwrite')}<small>{t('overwriteHint')}</small></span></Radio>
          </Flex>
        </Radio.Group>
        <Checkbox checked={skipLogs} onChange={({ target }) => setSkipLogs(target.checked)}>
          <span className="choice">{t('skipLogs')}<small>{t('skipLogsHint')}</small></span>
        </Checkbox>
        <Flex vertical gap={8}>
          <Button size="large" danger={overwrite} data-testid="import" disabled={file === undefined || hindrance !== undefined}
                  onClick={() => file !== undefined && setAsked({ file, overwrite, skipLogs })}>
            {t(overwrite ? 'importOverwrite' : 'importMerge')}
          </Button>
          <span role="status" className="muted">{hindrance}</span>
        </Flex>
      </Flex>
      <ConfirmImport asked={asked} status={status} onCancel={() => setAsked(undefined)} onConfirm={(choice) => {
        setAsked(undefined);
        start(choice);
      }} />
    </Card>
  );
}
