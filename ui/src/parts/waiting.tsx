import { Flex, Spin } from 'antd';

export const Waiting = () => (
  <Flex align="center" justify="center" className="waiting"><Spin size="large" /></Flex>
);
