// An import on its way and its end: phases, percent, the log behind a fold, what the cancel undid.
import { App, Alert, Button, Collapse, Flex, Progress, Result, Steps, Typography } from 'antd';
import { useEffect, useRef } from 'react';
import { type Translate, useTexts } from '../../i18n';
import { dataTexts } from '../../i18n/data';
import { bytesText, durationText, numberText } from '../../i18n/format';
import { Problem } from '../../parts/problem';
import { Figures } from './figures';
import type { Choice, Run } from './run';
import { uploadText } from './upload-text';

type T = Translate<keyof typeof dataTexts>;

/** In the order in which they happen; those that do not are left out at the end. */
const OVERWRITE = ['upload', 'verify', 'restore', 'check', 'migrate', 'switch'];
const MERGE = ['upload', 'verify', 'stage', 'compare', 'merge', 'migrate'];

const phaseText = (t: T, phase: string) => {
  const key = `phase_${phase}`;
  return key in dataTexts ? t(key as keyof typeof dataTexts) : phase;
};

function stepsOf(run: Run): string[] {
  const planned = run.choice.overwrite ? OVERWRITE : MERGE;
  const extra = run.phases.filter((phase) => !planned.includes(phase));
  return [...planned.filter((phase) => run.end?.kind !== 'done' || run.phases.includes(phase)), ...extra];
}

function Phases({ run }: { run: Run }) {
  const t = useTexts(dataTexts);
  const steps = stepsOf(run);
  const failed = run.end !== undefined && run.end.kind !== 'done';
  return (
    <Steps
      size="small" responsive current={run.end?.kind === 'done' ? steps.length : steps.indexOf(run.phase)}
      status={failed ? 'error' : 'process'}
      items={steps.map((phase) => ({ key: phase, title: phaseText(t, phase) }))}
    />
  );
}

function Log({ lines }: { lines: readonly string[] }) {
  const t = useTexts(dataTexts);
  const box = useRef<HTMLPreElement>(null);
  useEffect(() => {
    const element = box.current;
    if (element !== null)
      element.scrollTop = element.scrollHeight;
  }, [lines.length]);
  return (
    <Collapse size="small" items={[{
      key: 'log', label: t('log'),
      children: <pre ref={box} className="log" tabIndex={0} role="region" aria-label={t('log')}>{lines.join('\n')}</pre>,
    }]} />
  );
}

function Active({ run, onCancel }: { run: Run; onCancel: () => void }) {
  const t = useTexts(dataTexts);
  const { modal } = App.useApp();
  const askFirst = () => modal.confirm({
    title: t('cancelImport'),
    content: t('cancelAsk'),
    okText: t('cancelImport'),
    okButtonProps: { danger: true },
    cancelText: t('goOn'),
    autoFocusButton: 'cancel',
    onOk: onCancel,
  });
  return (
    <Flex vertical gap={8}>
      <Progress percent={run.percent ?? 0} status="active" showInfo={run.percent !== undefined} aria-label={phaseText(t, run.phase)} />
      <span role="status" className="wrap">
        {run.lost ? t('lost') : run.phase === 'upload' ? uploadText(t, run.uploaded, run.choice.file.size, run.started) : run.message || (run.choice.preview ? t('previewing') : '')}
      </span>
      <div><Button onClick={askFirst} data-testid="cancel">{t('cancelImport')}</Button></div>
    </Flex>
  );
}

function Done({ run, onAgain }: { run: Run; onAgain: () => void }) {
  const t = useTexts(dataTexts);
  const event = run.end?.event ?? { type: 'complete' };
  const figure = (name: string) => numberText(Number(event[name] ?? (event.totals as Record<string, number> | undefined)?.[name] ?? 0));
  const time = durationText(Number(event.durationMs ?? 0));
  return (
    <Result
      status="success"
      className="result"
      title={t(run.choice.overwrite ? 'doneOverwrite' : 'doneMerge')}
      subTitle={
        <Flex vertical gap={4} data-testid="result">
          <span>{run.choice.overwrite ? t('doneText', figure('tables'), figure('rows'), time)
            : t('doneMergeText', figure('added'), figure('identical'), figure('conflicting'), time)}</span>
          {event.sealed === true && <span>{t('sealed')}</span>}
          {typeof event.previous === 'string' && <span className="wrap">{t('previousKept', event.previous)}</span>}
          {typeof event.notice === 'string' && <Alert type="warning" showIcon title={event.notice} />}
        </Flex>
      }
      extra={
        <Flex vertical gap={16}>
          {!run.choice.overwrite && <Figures event={event} merge />}
          <div><Button onClick={onAgain} data-testid="again">{t('again')}</Button></div>
        </Flex>
      }
    />
  );
}

/** What the import would do; from here it is begun, or changed. */
function Preview({ run, onImport, onBack }: { run: Run; onImport: () => void; onBack: () => void }) {
  const t = useTexts(dataTexts);
  const event = run.end?.event ?? { type: 'complete' };
  return (
    <Flex vertical gap={12} data-testid="preview">
      <Alert type="info" showIcon title={t('previewDone')} />
      <Figures event={event} merge={!run.choice.overwrite} />
      <Flex gap={8} wrap>
        <Button onClick={onBack} data-testid="again">{t('back')}</Button>
        <Button danger={run.choice.overwrite} onClick={onImport} data-testid="import-previewed">
          {t(run.choice.overwrite ? 'importOverwrite' : 'importMerge')}
        </Button>
      </Flex>
    </Flex>
  );
}

interface GoOn {
  dropOthers?: boolean;
  allowForeign?: boolean;
}

/** What a refusal can be answered by: its list, and the option that accepts it. */
function Objection({ run, onGoOn }: { run: Run; onGoOn: (more: GoOn) => void }) {
  const t = useTexts(dataTexts);
  const body = run.end?.error?.body;
  const others = Array.isArray(body?.others) ? (body.others as string[]) : undefined;
  const foreign = Array.isArray(body?.foreign)
    ? (body.foreign as Array<{ name: string; reason: string; text: string; forged: boolean }>) : undefined;
  if (others !== undefined)
    return (
      <Flex vertical gap={8}>
        <span>{t('othersLost')}</span>
        <ul className="list">{others.map((name) => <li key={name} className="mono wrap">{name}</li>)}</ul>
        <div><Button danger onClick={() => onGoOn({ dropOthers: true })}>{t('goOnLosing')}</Button></div>
      </Flex>
    );
  if (foreign !== undefined)
    return (
      <Flex vertical gap={8}>
        <span>{t('foreignListed')}</span>
        <ul className="list">
          {foreign.map(({ name, reason, text }) => (
            <li key={name}><span className="mono wrap">{name}</span> · {reason}{text !== '' && <pre className="log">{text}</pre>}</li>
          ))}
        </ul>
        {run.end?.error?.code === 'ARCHIVE_FOREIGN_CONTENT' &&
          <div><Button danger onClick={() => onGoOn({ allowForeign: true })}>{t('goOnForeign')}</Button></div>}
      </Flex>
    );
  return null;
}

function Ended({ run, onAgain, onGoOn }: { run: Run; onAgain: () => void; onGoOn: (more: GoOn) => void }) {
  const t = useTexts(dataTexts);
  const { kind, error, event } = run.end ?? { kind: 'cancelled' };
  const changed = event?.changed === true;
  const known = kind === 'cancelled' || kind === 'refused' || event !== undefined;
  return (
    <Flex vertical gap={12} data-testid="result">
      {error !== undefined && kind !== 'cancelled'
        ? <Problem error={error} title={t(kind === 'refused' ? 'refused' : 'failedTitle')}><Objection run={run} onGoOn={onGoOn} /></Problem>
        : <Alert type="info" showIcon title={t('cancelled')} />}
      <Typography.Text strong={changed || !known}>{known ? t(changed ? 'changed' : 'unchanged') : t('unknownEnd')}</Typography.Text>
      <div><Button onClick={onAgain} data-testid="again">{t('back')}</Button></div>
    </Flex>
  );
}

interface Props {
  run: Run;
  onCancel: () => void;
  onAgain: () => void; // from the beginning
  onBack: () => void;  // to the choices
  onGoOn: (more: Partial<Choice>) => void;
}

export function RunView({ run, onCancel, onAgain, onBack, onGoOn }: Props) {
  return (
    <Flex vertical gap={16}>
      <span className="choice wrap"><strong>{run.choice.file.name}</strong><small>{bytesText(run.choice.file.size)}</small></span>
      <Phases run={run} />
      {run.end === undefined ? <Active run={run} onCancel={onCancel} />
        : run.end.kind === 'done' && run.choice.preview ? <Preview run={run} onBack={onBack} onImport={() => onGoOn({ preview: false })} />
        : run.end.kind === 'done' ? <Done run={run} onAgain={onAgain} />
        : <Ended run={run} onAgain={onBack} onGoOn={onGoOn} />}
      {run.log.length > 0 && <Log lines={run.log} />}
    </Flex>
  );
}
