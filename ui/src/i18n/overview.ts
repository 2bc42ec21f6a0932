import { texts } from './text';

export const overviewTexts = texts({
  attention: ['需要关注', 'Needs attention'],
  allWell: ['一切正常，没有需要处理的事项', 'All is well; nothing needs you'],
  requests: ['请求', 'Requests'],
  failures: ['失败', 'Failures'],
  succeeded: ['成功', 'Succeeded'],
  cost: ['费用（美元）', 'Cost (USD)'],
  requestsTitle: ['近 14 天的请求', 'Requests, last 14 days'],
  costTitle: ['近 14 天的费用', 'Cost, last 14 days'],
  failureRate: ['失败率', 'Failure rate'],
  models: ['模型价格', 'Model prices'],
  lastBackup: ['最近备份', 'Last backup'],
  never: ['尚未备份', 'Never'],
  noUsage: ['没有用量数据', 'There is no usage to show'],
  see: ['查看', 'Look'],
  makeBackup: ['去备份', 'Back up'],
});
