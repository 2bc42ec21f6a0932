// The last question. An overwrite is confirmed by the database's name.
import { Flex, Input, Modal, Typography } from 'antd';
import { useEffect, useState } from 'react';
import { useTexts } from '../../i18n';
import { commonTexts } from '../../i18n/common';
import { dataTexts } from '../../i18n/data';
import { durationText } from '../../i18n/format';
import type { Choice } from './run';
import type { Status } from './status';

interface Props {
  asked: Choice | undefined;
  status: Status;
  onConfirm: (choice: Choice) => void;
  onCancel: () => void;
}

export function ConfirmImport({ asked, status, onConfirm, onCancel }: Props) {
  const t = useTexts(dataTexts);
  const common = useTexts(commonTexts);
  const [typed, setTyped] = useState('');
  const name = status.databaseName;
  const open = asked !== undefined;
  useEffect(() => setTyped(''), [open]);
  const ready = open && (!asked.overwrite || typed === name);
  const confirm = () => ready && onConfirm(asked);
  return (
    <Modal
      open={open}
      title={t(asked?.overwrite ? 'confirmOverwrite' : 'confirmMerge', name)}
      onCancel={onCancel}
      onOk={confirm}
      okText={t(asked?.overwrite ? 'overwrite' : 'merge')}
      okButtonProps={{ danger: asked?.overwrite, disabled: !ready }}
      cancelText={common('cancel')}
      destroyOnHidden
    >
      {asked !== undefined && (
        <Flex vertical gap={12}>
          <span>{t(asked.overwrite ? 'confirmOverwriteText' : 'confirmMergeText', asked.file.name, name)}</span>
          {asked.overwrite && status.keepPreviousMs > 0 &&
            <Typography.Text type="secondary">{t('kept', durationText(status.keepPreviousMs))}</Typography.Text>}
          {asked.overwrite && (
            <label className="choice">
              <span>{t('confirmType', name)}</span>
              <Input value={typed} onChange={({ target }) => setTyped(target.value)} onPressEnter={confirm} autoFocus
                     autoComplete="off" spellCheck={false} data-testid="confirm-name" />
            </label>
          )}
        </Flex>
      )}
    </Modal>
  );
}
