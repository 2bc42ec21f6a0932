// Import: a file, how, a preview, confirmed; then its run and its end.
import { EyeOutlined, InboxOutlined } from '@ant-design/icons';
import { useQueryClient } from '@tanstack/react-query';
import { Alert, Button, Card, Checkbox, Flex, Radio, Upload } from 'antd';
import { useEffect, useState } from 'react';
import { useTexts } from '../../i18n';
import { dataTexts } from '../../i18n/data';
import { bytesText } from '../../i18n/format';
import { Problem } from '../../parts/problem';
import { ConfirmImport } from './confirm-import';
import { useInspection } from './inspection';
import { ReportView } from './report';
import { cancel, type Choice, forget, type Options, resume, start, useRun } from './run';
import { RunView } from './run-view';
import type { Status } from './status';

/** Why this file cannot be one: its name and its first bytes. */
async function faultOf(file: File): Promise<'notDump' | 'notArchive' | undefined> {
  if (!file.name.endsWith('.dump'))
    return 'notDump';
  const magic = new TextDecoder('latin1').decode(await file.slice(0, 5).arrayBuffer());
  return magic === 'PGDMP' ? undefined : 'notArchive';
}

const PLAIN: Options = {
  overwrite: false, skipLogs: false, updateRows: false, acceptForeignParents: false, dropOthers: false, allowForeign: false,
};

function Ways({ options, onChange }: { options: Options; onChange: (more: Partial<Options>) => void }) {
  const t = useTexts(dataTexts);
  const box = (name: 'skipLogs' | 'updateRows' | 'acceptForeignParents', hint: 'skipLogsHint' | 'updateRowsHint' | 'foreignParentHint') => (
    <Checkbox checked={options[name]} onChange={({ target }) => onChange({ [name]: target.checked })}>
      <span className="choice">{t(name)}<small>{t(hint)}</small></span>
    </Checkbox>
  );
  return (
    <>
      <Radio.Group value={options.overwrite} onChange={({ target }) => onChange({ overwrite: target.value })} aria-label={t('way')}>
        <Flex vertical gap={10}>
          <Radio value={false}><span className="choice">{t('merge')}<small>{t('mergeHint')}</small></span></Radio>
          <Radio value><span className="choice">{t('overwrite')}<small>{t('overwriteHint')}</small></span></Radio>
        </Flex>
      </Radio.Group>
      <Flex vertical gap={10}>
        {box('skipLogs', 'skipLogsHint')}
        {!options.overwrite && box('updateRows', 'updateRowsHint')}
        {!options.overwrite && box('acceptForeignParents', 'foreignParentHint')}
      </Flex>
    </>
  );
}

export function ImportCard({ status }: { status: Status }) {
  const t = useTexts(dataTexts);
  const queries = useQueryClient();
  const run = useRun();
  const [file, setFile] = useState<File>();
  const [fault, setFault] = useState<{ key: 'notDump' | 'notArchive'; name: string }>();
  const [options, setOptions] = useState<Options>(PLAIN);
  const [asked, setAsked] = useState<Choice>();
  const inspection = useInspection(file);
  const ended = run?.end !== undefined;
  useEffect(resume, []);
  useEffect(() => {
    if (ended)
      void queries.invalidateQueries();
  }, [ended, queries]);
  const take = (chosen: File) => {
    setFault(undefined);
    void faultOf(chosen).then((key) => {
      setFile(key === undefined ? chosen : undefined);
      setFault(key === undefined ? undefined : { key, name: chosen.name });
    });
    return false; // nothing is sent yet
  };
  const choiceOf = (chosen: File, preview: boolean): Choice =>
    ({ ...options, file: { name: chosen.name, size: chosen.size }, fileId: inspection?.report?.fileId, preview });
  const confirmation = (
    <ConfirmImport asked={asked} status={status} onCancel={() => setAsked(undefined)} onConfirm={(choice) => {
      setAsked(undefined);
      start(choice, file);
    }} />
  );
  if (run !== null)
    return (
      <Card title={t('importTitle')} className="card">
        <RunView
          run={run} onCancel={cancel} onBack={forget}
          onAgain={() => {
            forget();
            setFile(undefined);
          }}
          onGoOn={(more) => {
            const choice = { ...run.choice, ...more };
            if (choice.preview)
              start(choice, file);
            else
              setAsked(choice);
          }}
        />
        {confirmation}
      </Card>
    );
  const hindrance = !status.isAvailable ? t('unavailable') : status.lock ? t('busy') : undefined;
  const disabled = inspection?.report === undefined || hindrance !== undefined;
  return (
    <Card title={t('importTitle')} className="card">
      <Flex vertical gap={16}>
        <Upload.Dragger accept=".dump" maxCount={1} showUploadList={false} beforeUpload={take} data-testid="file">
          <p className="ant-upload-drag-icon"><InboxOutlined /></p>
          <p className="ant-upload-text">{file?.name ?? t('drop')}</p>
          <p className="ant-upload-hint">{file === undefined ? t('dropHint') : bytesText(file.size)}</p>
        </Upload.Dragger>
        {fault !== undefined && <Alert type="error" showIcon title={t(fault.key, fault.name)} />}
        {file !== undefined && inspection !== undefined && <ReportView file={file} inspection={inspection} />}
        {inspection?.error !== undefined && <Problem error={inspection.error} title={t('fileRefused')} onRetry={() => setFile(file === undefined ? file : new File([file], file.name))} />}
        <Ways options={options} onChange={(more) => setOptions({ ...options, ...more })} />
        <Flex gap={8} wrap>
          <Button size="large" type="primary" icon={<EyeOutlined />} data-testid="preview-import" disabled={disabled}
                  onClick={() => file !== undefined && start(choiceOf(file, true), file)}>
            {t('previewButton')}
          </Button>
          <Button size="large" danger={options.overwrite} data-testid="import" disabled={disabled}
                  onClick={() => file !== undefined && setAsked(choiceOf(file, false))}>
            {t(options.overwrite ? 'importOverwrite' : 'importMerge')}
          </Button>
        </Flex>
        <span role="status" className="muted">{hindrance}</span>
      </Flex>
      {confirmation}
    </Card>
  );
}
